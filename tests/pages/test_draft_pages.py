"""The pages of the draft and of the versions: what they show, refuse and do."""

import re
from collections.abc import Callable
from types import ModuleType
from typing import Any, ClassVar

import pytest
from flask import Flask
from flask.testing import FlaskClient

from webapp.core.permissions import Permission
from webapp.core.ruleset import Rule, RuleSet, Switches
from webapp.core.targets import Target
from webapp.models import RoleName, Workspace
from webapp.services import audit as audit_service
from webapp.services import drafts as drafts_service
from webapp.services import rules as rules_service
from webapp.services import ruletests as ruletests_service
from webapp.services import workspaces as workspaces_service

from .conftest import Office


class Service:
    """A service whose functions run in a context of their own: requests would share one that stays open."""

    app: ClassVar[Flask]

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._module, name)

        def call(*arguments: Any, **named: Any) -> Any:
            with self.app.app_context():
                return function(*arguments, **named)

        return call


audit, drafts, rules = Service(audit_service), Service(drafts_service), Service(rules_service)
ruletests, workspaces = Service(ruletests_service), Service(workspaces_service)

CHAT = {"pattern": "chat", "wildcard": True, "anonymous_clients": True}
HOSTILE = "<script>alert(1)</script>\"'&"
BY = {"author": "bob", "source": "cli"}
SignIn = Callable[..., FlaskClient]


@pytest.fixture
def workspace(app: Flask, office: Office) -> Workspace:
    Service.app = app
    office.publish(CHAT, {"pattern": "news"})
    found: Workspace = workspaces.get("default")
    return found


def rule_of(workspace: Workspace, text: str) -> Rule:
    found: Rule = next(rule for rule in drafts.working_rules(workspace).rules if rule.target.text == text)
    return found


def change(workspace: Workspace) -> None:
    """Close the chat to anonymous clients, delete the news, add a room, as Bob."""
    chat = rule_of(workspace, "chat/*")
    drafts.save_rule(workspace, Rule(chat.target, description="Members"), replaces=chat.target, author="bob")
    drafts.delete_rule(workspace, Target("news"), author="bob")
    drafts.save_rule(workspace, Rule(Target("room"), frozenset({Permission.PRESENCE})), author="bob")


def post(client: FlaskClient, path: str, **fields: object) -> tuple[int, str, str]:
    token = client.token  # type: ignore[attr-defined]
    answer = client.post(f"/w/default{path}", data={"csrf_token": token} | fields)
    return answer.status_code, answer.text, answer.headers.get("Location", "")


def publish(client: FlaskClient, workspace: Workspace, **fields: object) -> tuple[int, str, str]:
    draft = drafts.current(workspace)
    revision, becomes = (draft.revision, draft.active.version + 1) if draft is not None else (1, 2)
    given = {"expected_revision": revision, "becomes": becomes, "reason": "Members only"} | fields
    return post(client, "/draft/publish", **given)


def in_force(workspace: Workspace) -> int:
    version: int = rules.active_rules(workspace).version
    return version


def test_without_a_draft_the_page_says_what_it_is_for(signed_in: SignIn, workspace: Workspace) -> None:
    client = signed_in()
    page = client.get("/w/default/draft").text
    assert "No draft" in page
    assert "not in force" not in page
    assert client.get("/w/default/draft/preview").status_code == 200


def test_every_page_tells_of_the_draft(signed_in: SignIn, workspace: Workspace) -> None:
    client = signed_in(RoleName.VIEWER)
    change(workspace)
    for path in ("", "/channels", "/tokens", "/settings", "/versions", "/draft", "/draft/bar"):
        page = client.get(f"/w/default{path}").text
        assert "3 changes not in force" in page, path
        assert "bob" in page


def test_the_page_shows_each_change_field_by_field_and_whose_it_is(signed_in: SignIn, workspace: Workspace) -> None:
    change(workspace)
    drafts.set_switches(workspace, Switches(strict_anonymous=True), author="ada")
    page = re.sub(r"\s+", " ", signed_in().get("/w/default/draft").text)
    assert "4 changes" in page
    assert re.search(r"Anonymous clients</dt> <dd><del>on</del>.{0,200}<ins>off</ins>", page)
    assert re.search(r"Description</dt> <dd><del>empty</del>.{0,200}<ins>Members</ins>", page)
    assert re.search(r"Strict anonymous</dt> <dd><del>off</del>.{0,200}<ins>on</ins>", page)
    assert "by <bdi>bob</bdi>" in page


def test_publishing_is_in_force_and_leads_to_the_version(signed_in: SignIn, workspace: Workspace) -> None:
    client = signed_in()
    change(workspace)
    code, _, location = publish(client, workspace)
    assert (code, location) == (303, "/w/default/versions/2")
    assert in_force(workspace) == 2
    page = client.get(location).text
    assert "Version 2 is published" in page
    assert "Members only" in page
    assert drafts.current(workspace) is None


def test_a_second_click_gets_the_answer_of_the_first(signed_in: SignIn, workspace: Workspace) -> None:
    client = signed_in()
    change(workspace)
    revision = drafts.current(workspace).revision
    assert publish(client, workspace)[0] == 303
    assert publish(client, workspace, expected_revision=revision)[::2] == (303, "/w/default/versions/2")
    assert in_force(workspace) == 2


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"reason": ""}, "Say why"),
        ({"reason": "  "}, "Say why"),
        ({"reason": "x" * 2001}, "At most 2000 characters"),
        ({"reason": "a\x00b"}, "control characters"),
    ],
)
def test_a_reason_that_cannot_be_taken(
    signed_in: SignIn, workspace: Workspace, fields: dict[str, str], says: str
) -> None:
    client = signed_in()
    change(workspace)
    code, page, _ = publish(client, workspace, **fields)
    assert code == 422
    assert says in page
    assert in_force(workspace) == 1
    assert drafts.current(workspace) is not None


@pytest.mark.parametrize("fields", [{"expected_revision": ""}, {"expected_revision": "x"}, {"becomes": ""}])
def test_a_form_without_its_state_publishes_nothing(
    signed_in: SignIn, workspace: Workspace, fields: dict[str, str]
) -> None:
    client = signed_in()
    change(workspace)
    assert publish(client, workspace, **fields)[0] == 422
    assert in_force(workspace) == 1


def test_a_draft_that_moved_on_is_looked_at_again(signed_in: SignIn, workspace: Workspace) -> None:
    client = signed_in()
    change(workspace)
    revision = drafts.current(workspace).revision
    drafts.save_rule(workspace, Rule(Target("more")), author="bob")
    code, page, _ = publish(client, workspace, expected_revision=revision, reason="What I typed")
    assert code == 409
    assert "<code>bob</code> changed the draft since you looked at it" in page
    assert 'value="What I typed"' in page
    assert in_force(workspace) == 1
    assert post(client, "/draft/discard", expected_revision=revision)[0] == 409
    assert drafts.current(workspace) is not None


def test_failing_tests_are_named_and_need_a_reason_of_their_own(signed_in: SignIn, workspace: Workspace) -> None:
    client = signed_in()
    ruletests.create(
        workspace, name=f"Guests hear {HOSTILE}", channel="chat/a", operation="join", identity=None, allowed=True, **BY
    )
    change(workspace)
    page = client.get("/w/default/draft").text
    assert "1 test fails" in page
    assert "Guests hear &lt;script&gt;" in page
    assert "<script>alert" not in page
    code, page, _ = publish(client, workspace)
    assert code == 422
    assert "1 saved test fails." in page
    assert publish(client, workspace, override="It is meant")[0] == 303
    assert in_force(workspace) == 2


def test_a_change_is_taken_back(signed_in: SignIn, workspace: Workspace) -> None:
    client = signed_in()
    change(workspace)
    drafts.set_switches(workspace, Switches(strict_anonymous=True), author="ada")
    assert post(client, "/draft/take-back", target="news", nested="0")[0] == 303
    assert rule_of(workspace, "news") is not None
    assert post(client, "/draft/take-back", switches="1")[0] == 303
    assert not drafts.working_rules(workspace).switches.strict_anonymous
    assert post(client, "/draft/take-back", target="news", nested="0")[0] == 409
    assert post(client, "/draft/take-back", target="nowhere", nested="1")[0] == 409


def test_discarding(signed_in: SignIn, workspace: Workspace) -> None:
    client = signed_in()
    change(workspace)
    assert post(client, "/draft/discard", expected_revision="x")[0] == 422
    revision = drafts.current(workspace).revision
    assert post(client, "/draft/discard", expected_revision=revision)[0] == 303
    assert drafts.current(workspace) is None
    assert in_force(workspace) == 1


def test_one_that_is_behind_is_brought_up_to_date(signed_in: SignIn, workspace: Workspace) -> None:
    client = signed_in()
    change(workspace)
    theirs = Rule(Target("chat/*", nested=True), description="Theirs")
    rules.change(workspace, rules.saving(theirs, theirs.target), **BY)
    page = client.get("/w/default/draft").text
    assert "Version 2 was published since" in page
    assert "was changed on both sides" in page
    assert publish(client, workspace)[0] == 409
    assert post(client, "/draft/update")[0] == 409
    assert post(client, "/draft/update", **{"choice:1:chat/*": "nonsense", "choice:": "mine"})[0] == 409
    assert post(client, "/draft/update", **{"choice:1:chat/*": "theirs"})[0] == 303
    assert rule_of(workspace, "chat/*") == theirs
    assert publish(client, workspace)[0] == 303
    assert in_force(workspace) == 3


def test_versions_are_listed_in_pages(signed_in: SignIn, workspace: Workspace) -> None:
    client = signed_in(RoleName.VIEWER)
    for number in range(30):
        rules.change(workspace, rules.switching(Target("news"), bool(number % 2)), reason=f"Reason {number}", **BY)
    page = client.get("/w/default/versions").text
    assert "in force" in page
    numbers = [int(n) for n in re.findall(r'href="/w/default/versions/(\d+)" data-row', page)]
    assert numbers == list(range(31, 6, -1))
    older = client.get("/w/default/versions?before=7").text
    assert [int(n) for n in re.findall(r'href="/w/default/versions/(\d+)" data-row', older)] == [6, 5, 4, 3, 2, 1]
    for wrong in ("0", "-3", str(2**31), "9" * 30):
        assert client.get(f"/w/default/versions?before={wrong}").status_code in (200, 404)


def test_a_version_is_compared_with_any_other(signed_in: SignIn, workspace: Workspace) -> None:
    client = signed_in()
    rules.change(workspace, rules.deleting(Target("news")), **BY)
    rules.change(workspace, rules.saving(Rule(Target("room"), description=HOSTILE), None), **BY)
    page = client.get("/w/default/versions/3").text
    assert "Against version 2" in page
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page
    page = client.get("/w/default/versions/3?against=1").text
    assert "deleted" in page
    assert "new" in page
    assert "The same rules and switches" in client.get("/w/default/versions/3?against=3").text
    assert "Against nothing" in client.get("/w/default/versions/1").text
    for wrong in ("/versions/99", "/versions/0", f"/versions/{10**12}", "/versions/1?against=77", "/versions/x"):
        assert client.get(f"/w/default{wrong}").status_code == 404, wrong


def test_rolling_back(signed_in: SignIn, workspace: Workspace) -> None:
    client = signed_in()
    rules.change(workspace, rules.deleting(Target("news")), **BY)
    page = client.get("/w/default/versions/1/roll-back").text
    assert "Publishes as version 3 what version 1 held" in page
    assert post(client, "/versions/1/roll-back", expected_version="1", reason="Back")[0] == 409
    assert post(client, "/versions/1/roll-back", expected_version="2", reason="")[0] == 422
    assert post(client, "/versions/1/roll-back", expected_version="2", reason="a\x00")[0] == 422
    assert in_force(workspace) == 2
    code, _, location = post(client, "/versions/1/roll-back", expected_version="2", reason="Back")
    assert (code, location) == (303, "/w/default/versions/3")
    assert [rule.target.text for rule in rules.active_rules(workspace).rules] == ["chat/*", "news"]


def test_a_version_is_taken_into_the_draft(signed_in: SignIn, workspace: Workspace) -> None:
    client = signed_in()
    rules.change(workspace, rules.deleting(Target("news")), **BY)
    assert post(client, "/versions/1/draft")[0] == 303
    assert rule_of(workspace, "news") is not None
    assert in_force(workspace) == 2


@pytest.mark.parametrize("role", [RoleName.VIEWER, RoleName.DEVELOPER])
def test_who_may_not_edit_looks_only(signed_in: SignIn, workspace: Workspace, role: RoleName) -> None:
    client = signed_in(role)
    change(workspace)
    page = client.get("/w/default/draft").text
    for word in ("Publish version", "Discard the draft", "Take back"):
        assert word not in page
    for path in ("/draft/publish", "/draft/discard", "/draft/take-back", "/draft/update", "/versions/1/draft"):
        assert post(client, path)[0] == 403, path
    assert client.get("/w/default/versions/1/roll-back").status_code == 403
    assert post(client, "/versions/1/roll-back", expected_version="1", reason="x")[0] == 403
    assert in_force(workspace) == 1


def test_a_version_of_another_workspace_is_not_there(signed_in: SignIn, workspace: Workspace, office: Office) -> None:
    other = workspaces.create("other", "Other", **BY)
    for _ in range(3):
        rules.publish(other, RuleSet((Rule(Target("secret")),)), **BY)
    client = signed_in()
    assert client.get("/w/default/versions/3").status_code == 404
    assert client.get("/w/default/versions/1?against=3").status_code == 404
    assert "secret" not in client.get("/w/default/versions/1").text


def test_rolling_back_to_a_version_that_fails_tests_needs_a_reason_of_its_own(
    signed_in: SignIn, workspace: Workspace
) -> None:
    client = signed_in()
    rules.change(workspace, rules.deleting(Target("news")), **BY)
    ruletests.create(
        workspace, name="No news", channel="news", operation="join", identity={"sub": "bob"}, allowed=False, **BY
    )
    form = {"expected_version": "2", "reason": "Back"}
    code, page, _ = post(client, "/versions/1/roll-back", **form)
    assert (code, in_force(workspace)) == (422, 2)
    assert "1 saved test fails." in page
    assert post(client, "/versions/1/roll-back", override="It is meant", **form)[0] == 303
    assert in_force(workspace) == 3
    entry = audit.entries(workspace.id)[0]
    assert entry.after["is"] == {"restored": 1, "failed_tests": ["No news"], "override": "It is meant"}
