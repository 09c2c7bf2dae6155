"""TOTP: switched on with a first code, each code taken once, recovery codes, the way back in."""

import argon2
import pyotp
import pytest

from tests.services.making import BY
from webapp.models import Action, Admin, RecoveryCode, Workspace
from webapp.services import admins, audit, totp
from webapp.services.errors import Conflict, InvalidInput, NotFound
from webapp.services.transactions import reading

PASSWORD = "correct horse battery"
NOON = 1_800_000_000


class Clock:
    """What the time is for the service under test."""

    def __init__(self, at: int) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2 with its weakest parameters: what is tested is what is done with it."""
    monkeypatch.setattr("webapp.services.passwords._hasher", argon2.PasswordHasher(1, 8, 1))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(NOON)
    monkeypatch.setattr("webapp.services.totp.time", clock)
    return clock


@pytest.fixture
def ada(workspace: Workspace) -> Admin:
    return admins.create("ada", PASSWORD, **BY)


def again(admin: Admin) -> Admin:
    found = admins.by_id(admin.id)
    assert found is not None
    return found


def switched_on(ada: Admin, clock: Clock) -> tuple[Admin, pyotp.TOTP, tuple[str, ...]]:
    totp.begin(ada, PASSWORD)
    enrolment = totp.enrolment(again(ada))
    assert enrolment is not None
    app = pyotp.TOTP(enrolment.secret)
    codes = totp.confirm(again(ada), app.at(clock.at))
    return again(ada), app, codes


def test_it_is_on_after_the_first_code(ada: Admin, clock: Clock) -> None:
    with pytest.raises(InvalidInput, match="password"):
        totp.begin(ada, "wrong")
    with pytest.raises(Conflict):
        totp.confirm(ada, "123456")
    totp.begin(ada, PASSWORD)
    assert not totp.is_on(again(ada))
    enrolment = totp.enrolment(again(ada))
    assert enrolment is not None
    assert enrolment.secret in enrolment.uri
    with pytest.raises(InvalidInput, match="code"):
        totp.confirm(again(ada), pyotp.TOTP(enrolment.secret).at(clock.at + 90))
    assert not totp.is_on(again(ada))
    codes = totp.confirm(again(ada), pyotp.TOTP(enrolment.secret).at(clock.at))
    assert totp.is_on(again(ada))
    assert len(set(codes)) == 10
    assert totp.enrolment(again(ada)) is None
    with pytest.raises(Conflict):
        totp.begin(again(ada), PASSWORD)


def test_the_secret_is_encrypted_and_codes_are_hashed(ada: Admin, clock: Clock) -> None:
    admin, app, codes = switched_on(ada, clock)
    assert app.secret not in (admin.totp_secret or "")
    with reading() as session:
        kept = " ".join(row.hash for row in session.query(RecoveryCode))
    assert not any(code in kept or code.replace("-", "") in kept for code in codes)
    said = str([[e.before, e.after] for e in audit.entries()])
    assert app.secret not in said
    assert not any(code in said for code in codes)


def test_a_code_is_taken_once(ada: Admin, clock: Clock) -> None:
    admin, app, _ = switched_on(ada, clock)
    assert totp.check(admin, app.at(clock.at)) is None  # it switched it on
    clock.at += 30
    assert totp.check(again(admin), f" {app.at(clock.at)[:3]} {app.at(clock.at)[3:]} ") is totp.Factor.CODE
    assert totp.check(again(admin), app.at(clock.at)) is None
    # Two requests that both looked before either wrote: one wins.
    clock.at += 30
    stale = again(admin)
    assert [totp.check(stale, app.at(clock.at)) for _ in range(2)] == [totp.Factor.CODE, None]


@pytest.mark.parametrize(("off_by", "taken"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_be_off_by_one_step(ada: Admin, clock: Clock, off_by: int, taken: bool) -> None:
    admin, app, _ = switched_on(ada, clock)
    clock.at += 600
    assert (totp.check(admin, app.at(clock.at + off_by)) is not None) is taken


def test_no_older_code_is_taken_after_a_newer_one(ada: Admin, clock: Clock) -> None:
    admin, app, _ = switched_on(ada, clock)
    clock.at += 600
    assert totp.check(admin, app.at(clock.at + 30)) is totp.Factor.CODE
    assert totp.check(again(admin), app.at(clock.at)) is None


@pytest.mark.parametrize("code", ["", "000000x", "١٢٣٤٥٦", "\ud800", "12345", "1234567", "-" * 19])
def test_nothing_else_is_a_code(ada: Admin, clock: Clock, code: str) -> None:
    admin, _, _ = switched_on(ada, clock)
    assert totp.check(admin, code) is None


def test_a_recovery_code_works_once(ada: Admin, clock: Clock) -> None:
    admin, _, codes = switched_on(ada, clock)
    bob = admins.create("bob", PASSWORD, **BY)
    assert totp.check(bob, codes[0]) is None
    assert totp.check(admin, codes[0].upper().replace("-", " ")) is totp.Factor.RECOVERY_CODE
    assert totp.check(admin, codes[0]) is None
    assert totp.codes_left(admin) == 9
    assert audit.entries(action=Action.RECOVERY_CODE_USE)[0].after == {"username": "ada", "left": 9}


def test_new_recovery_codes_replace_the_old_ones(ada: Admin, clock: Clock) -> None:
    admin, app, codes = switched_on(ada, clock)
    with pytest.raises(InvalidInput, match="code"):
        totp.renew_codes(admin, "000000")
    clock.at += 60
    new = totp.renew_codes(admin, app.at(clock.at))
    assert set(new).isdisjoint(codes)
    assert totp.codes_left(admin) == 10
    assert totp.check(again(admin), codes[0]) is None


def test_it_is_switched_off_with_password_and_code(ada: Admin, clock: Clock) -> None:
    admin, app, codes = switched_on(ada, clock)
    clock.at += 60
    with pytest.raises(InvalidInput, match="password"):
        totp.disable(admin, "wrong", app.at(clock.at))
    with pytest.raises(InvalidInput, match="code"):
        totp.disable(admin, PASSWORD, "000000")
    assert totp.is_on(again(admin))
    totp.disable(again(admin), PASSWORD, app.at(clock.at))
    assert not totp.is_on(again(admin))
    assert again(admin).totp_secret is None
    assert totp.check(again(admin), codes[0]) is None


def test_the_way_back_in_is_audited(ada: Admin, clock: Clock) -> None:
    with pytest.raises(Conflict):
        totp.reset("ada", author="root", source="cli")
    switched_on(ada, clock)
    totp.reset("Ada", author="root", source="cli")
    assert not totp.is_on(again(ada))
    entry = audit.entries(action=Action.TOTP_DISABLE)[0]
    assert (entry.actor, entry.before) == ("root", {"username": "ada"})
    with pytest.raises(NotFound):
        totp.reset("eve", author="root", source="cli")
