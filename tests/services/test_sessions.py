"""Sessions of admins: begun at a sign-in, seen, ended."""

from datetime import timedelta

import argon2
import pytest

from tests.services.making import BY
from webapp.models import Action, Admin, AdminSession, Workspace, now
from webapp.services import admins, audit, sessions
from webapp.services.errors import Conflict, NotFound
from webapp.services.transactions import reading, writing

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2 with its weakest parameters: what is tested is what is done with it."""
    monkeypatch.setattr("webapp.services.passwords._hasher", argon2.PasswordHasher(1, 8, 1))


@pytest.fixture
def ada(workspace: Workspace) -> Admin:
    return admins.create("ada", PASSWORD, **BY)


def age(by: timedelta) -> None:
    with writing() as session:
        session.query(AdminSession).update({"seen_at": now() - by})


def test_a_session_stands_for_its_admin_until_it_ends(ada: Admin) -> None:
    secret = sessions.begin(ada, address="192.0.2.1", user_agent="Firefox")
    loaded = sessions.load(secret)
    assert loaded is not None
    assert loaded.admin.id == ada.id
    sessions.sign_out(loaded)
    assert sessions.load(secret) is None
    assert [entry.action for entry in audit.entries()][:2] == [Action.ADMIN_SIGN_OUT, Action.ADMIN_SIGN_IN]


def test_only_the_hash_of_the_secret_is_kept(ada: Admin) -> None:
    secret = sessions.begin(ada)
    with reading() as session:
        row = session.query(AdminSession).one()
    assert secret not in row.token_hash
    assert sessions.load(row.token_hash) is None
    assert all(secret not in str([e.before, e.after]) for e in audit.entries())


@pytest.mark.parametrize("text", ["", "x", "é", "\ud800", "\x00", "x" * 10_000])
def test_no_other_text_is_a_session(ada: Admin, text: str) -> None:
    sessions.begin(ada)
    assert sessions.load(text) is None


def test_a_session_ends_after_30_days_without_use(ada: Admin) -> None:
    secret = sessions.begin(ada)
    age(timedelta(days=29, hours=23))
    assert sessions.load(secret) is not None
    age(timedelta(days=30, minutes=1))
    assert sessions.load(secret) is None
    assert sessions.of(ada) == []


def test_use_is_noted_once_a_minute(ada: Admin) -> None:
    secret = sessions.begin(ada)
    age(timedelta(seconds=30))
    before = sessions.of(ada)[0].seen_at
    sessions.load(secret)
    assert sessions.of(ada)[0].seen_at == before
    age(timedelta(seconds=90))
    sessions.load(secret)
    assert now() - sessions.of(ada)[0].seen_at < timedelta(seconds=30)


def test_one_session_is_ended_or_all_others(ada: Admin, workspace: Workspace) -> None:
    bob = admins.create("bob", PASSWORD, **BY)
    secrets = [sessions.begin(ada) for _ in range(4)]
    theirs = sessions.begin(bob)
    first, mine = (sessions.load(secret) for secret in (secrets[0], secrets[3]))
    assert first is not None
    assert mine is not None
    with pytest.raises(NotFound):
        sessions.end(bob, first.session_id, **BY)
    sessions.end(ada, first.session_id, workspace=workspace, **BY)
    with pytest.raises(NotFound):
        sessions.end(ada, first.session_id, **BY)
    assert sessions.end_all(ada, but=mine.session_id, **BY) == 2
    assert [sessions.load(secret) is not None for secret in secrets] == [False, False, False, True]
    assert sessions.load(theirs) is not None
    assert audit.entries(workspace.id, action=Action.SESSION_END)[0].before == {"username": "ada", "sessions": 1}
    assert audit.entries(action=Action.SESSION_END)[0].before == {"username": "ada", "sessions": 2}


def test_sessions_are_listed_by_workspace(ada: Admin, workspace: Workspace) -> None:
    sessions.begin(ada)
    outsider = admins.create("eve", PASSWORD, **BY)
    sessions.begin(outsider)
    admins.set_role(outsider, workspace, None, **BY)
    assert set(sessions.of_people(workspace)) == {ada.id}


def test_no_session_begins_with_a_password_that_was_changed_meanwhile(ada: Admin) -> None:
    """Checking a password takes its time: it may be another one when the session begins."""
    found = admins.authenticate("ada", PASSWORD)
    assert found is not None
    admins.reset_password("ada", "another long password", author="root", source="cli")
    with pytest.raises(Conflict):
        sessions.begin(found)
    assert sessions.of(ada) == []


@pytest.mark.parametrize("agent", ["x" * 1000, "a\x00b\ud800\n<script>"])
def test_a_hostile_user_agent_is_stored_cut_and_printable(ada: Admin, agent: str) -> None:
    sessions.begin(ada, user_agent=agent)
    kept = sessions.of(ada)[0].user_agent
    assert len(kept) <= 300
    assert kept.isprintable()


def test_a_failed_sign_in_names_only_those_who_exist(ada: Admin) -> None:
    for name in (" Ada", "my password by mistake", "a\x00", "\ud800"):
        sessions.note_failure(name, "wrong name or password", address="192.0.2.1")
    entries = audit.entries(action=Action.ADMIN_SIGN_IN_FAILED)
    assert [entry.after["username"] for entry in entries] == [None, None, None, "ada"]
