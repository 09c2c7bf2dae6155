"""The editor of a trigger without a browser: what is typed, what is wrong with it, roles, conflicts."""

import html
import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.core.ruleset import Rule
from webapp.core.targets import Target
from webapp.core.triggers import OnFailure, StepKind, Trigger, TriggerEvent
from webapp.models import RoleName
from webapp.services import drafts, rules

from .conftest import Office

SignIn = Callable[..., FlaskClient]
RULE = "?target=chat/*&nested=1"
LIMIT = {"type": "rate_limit", "limit": 5, "seconds": 60, "per": "user"}
STOP = {"type": "stop"}
TRANSFORM = {"type": "transform", "changes": [{"do": "mask", "field": "secret"}]}
CALM = {"name": "calm", "steps": [LIMIT, STOP]}


def rule(*triggers: dict[str, object]) -> dict[str, object]:
    return {"pattern": "chat", "wildcard": True, "description": "Chat", "triggers": list(triggers)}


@pytest.fixture
def editor(signed_in: SignIn, office: Office) -> FlaskClient:
    office.publish(rule(CALM, {"name": "second", "steps": [TRANSFORM]}))
    return signed_in(RoleName.EDITOR)


def fields_of(page: str) -> list[tuple[str, str]]:
    """What a browser would send of the trigger's form, in its order."""
    found: list[tuple[str, str]] = []
    body = page[page.index('id="trigger-form"') : page.index("</form>", page.index('id="trigger-form"'))]
    pattern = r"<input([^>]*)>|<textarea([^>]*)>\n?(.*?)</textarea>|<select([^>]*)>(.*?)</select>"
    for tag, area, text, select, options in re.findall(pattern, body, re.DOTALL):
        name = _attribute(tag or area or select, "name")
        if area:
            found.append((name, html.unescape(text)))
        elif select:
            chosen = re.search(r'<option value="([^"]*)" selected', options)
            found.append((name, html.unescape(chosen[1]) if chosen else ""))
        elif _attribute(tag, "type") not in ("checkbox", "radio") or " checked" in tag:
            found.append((name, html.unescape(_attribute(tag, "value"))))
    return found


def _attribute(tag: str, name: str) -> str:
    found = re.search(rf' {name}="([^"]*)"', tag)
    return found[1] if found else ""


def send(
    client: FlaskClient, path: str, fields: list[tuple[str, str]], do: str = "save", **changed: str
) -> tuple[int, str]:
    """Send a form with some fields changed; a name that ends in ``-x`` stands for all of a step's with that end."""
    data: dict[str, list[str]] = {"do": [do]}
    for name, value in fields:
        own = [new for end, new in changed.items() if name == end or name.endswith(f"-{end}")]
        data.setdefault(name, []).append(own[0] if own else value)
    answer = client.post(f"/w/default/channels/triggers/{path}", data=data)
    return answer.status_code, answer.text


def open_form(client: FlaskClient, path: str) -> list[tuple[str, str]]:
    answer = client.get(f"/w/default/channels/triggers/{path}")
    assert answer.status_code == 200
    return fields_of(answer.text)


def drafted(office: Office) -> tuple[Trigger, ...]:
    with office.app.app_context():
        return drafts.working_rules(office.workspace).rules[0].triggers


def labels(page: str) -> list[str]:
    return [html.unescape(label).strip() for label in re.findall(r'class="step-number">\d+</span> ([^<]+)</h3>', page)]


def test_saving_it_as_it_is_changes_nothing(editor: FlaskClient, office: Office) -> None:
    """A document may leave out what is as by default; the form must not write it in, and call that a change."""
    for name in ("calm", "second"):
        path = f"edit{RULE}&trigger={name}"
        assert send(editor, path, open_form(editor, path))[0] == 303
    assert office.drafted() is None


def test_what_was_typed_is_saved_in_the_draft(editor: FlaskClient, office: Office) -> None:
    path = f"edit{RULE}&trigger=calm"
    fields = [field for field in open_form(editor, path) if field[0] != "enabled"]
    fields += [("events", "leave")]
    assert send(editor, path, fields, name="calmer", limit="7", on_failure="pass")[0] == 303
    calmer, second = drafted(office)
    assert (calmer.name, calmer.enabled, calmer.on_failure) == ("calmer", False, OnFailure.PASS)
    assert calmer.events == {TriggerEvent.MESSAGE, TriggerEvent.LEAVE}
    assert [step.kind for step in calmer.steps] == [StepKind.RATE_LIMIT, StepKind.STOP]
    assert calmer.steps[0].values["limit"] == 7
    assert second.name == "second"
    with office.app.app_context():
        assert rules.active_rules(office.workspace).rules[0].triggers[0].name == "calm"


def test_a_new_one_comes_last(editor: FlaskClient, office: Office) -> None:
    fields = open_form(editor, f"new{RULE}")
    status, page = send(editor, f"new{RULE}", fields, do="start:rate-limit")
    assert status == 200
    assert labels(page) == ["Rate limit"]
    assert send(editor, f"new{RULE}", fields_of(page))[0] == 303
    assert [trigger.name for trigger in drafted(office)] == ["calm", "second", "Five messages a minute"]


def test_buttons_change_the_form_and_save_nothing(editor: FlaskClient, office: Office) -> None:
    path = f"edit{RULE}&trigger=calm"
    fields = open_form(editor, path)
    page = send(editor, path, fields, do="add:transform", limit="9")[1]
    assert labels(page) == ["Rate limit", "Stop", "Transform"]
    assert "Transform is added as step 3." in page
    keys = [value for name, value in fields_of(page) if name == "step"]
    for do, order in [
        (f"up:{keys[2]}", ["Rate limit", "Transform", "Stop"]),
        (f"to:{keys[2]}:0", ["Transform", "Rate limit", "Stop"]),
        (f"down:{keys[0]}", ["Transform", "Stop", "Rate limit"]),
        (f"copy:{keys[1]}", ["Transform", "Stop", "Stop", "Rate limit"]),
        (f"remove:{keys[1]}", ["Transform", "Stop", "Rate limit"]),
        (f"row-add:{keys[2]}:changes", ["Transform", "Stop", "Rate limit"]),
        ("to:gone:0", ["Transform", "Stop", "Rate limit"]),
        (f"to:{keys[2]}:x", ["Transform", "Stop", "Rate limit"]),
        ("add:nothing", ["Transform", "Stop", "Rate limit"]),
        ("nonsense", ["Transform", "Stop", "Rate limit"]),
    ]:
        status, page = send(editor, path, fields_of(page), do=do)
        assert (status, labels(page)) == (200, order), do
    sent = fields_of(page)
    assert [value for name, value in sent if name.endswith("-limit")] == ["9"]
    rows = [value for name, value in sent if name == f"{keys[2]}-changes"]
    assert len(rows) == 2
    page = send(editor, path, sent, do=f"row-remove:{keys[2]}:changes:{rows[0]}")[1]
    assert [value for name, value in fields_of(page) if name == f"{keys[2]}-changes"] == rows[1:]
    assert office.drafted() is None


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "  "}, "A trigger needs a name."),
        ({"name": "x" * 101}, "At most 100 characters."),
        ({"name": "second"}, "There is already a trigger <code>second</code>."),
        ({"events": "never"}, "not a valid choice"),
        ({"on_failure": "explode"}, "Not a valid choice"),
        ({"limit": "many"}, "This is no number."),
        ({"limit": "1e999"}, "This is no number."),
        ({"limit": "1.5"}, "Expected a whole number."),
        ({"limit": "0"}, "Expected a number from 1 to 1e+06."),
        ({"limit": ""}, "This is no number."),
        ({"per": "planet"}, "Expected one of"),
        ({"message": "x" * 501}, "At most 500 characters."),
    ],
)
def test_nothing_wrong_is_saved_and_the_error_stands_at_its_field(
    editor: FlaskClient, office: Office, changed: dict[str, str], said: str
) -> None:
    path = f"edit{RULE}&trigger=calm"
    status, page = send(editor, path, open_form(editor, path), **changed)
    assert status == 422
    name = next(iter(changed))
    errors = re.findall(r'<p class="error" id="([^"]+)-error">(.*?)</p>', page, re.DOTALL)
    assert [said in text for where, text in errors if where == name or where.endswith(f"-{name}")] == [True], errors
    assert office.drafted() is None


def test_no_event_chosen(editor: FlaskClient) -> None:
    path = f"edit{RULE}&trigger=calm"
    fields = [field for field in open_form(editor, path) if field[0] != "events"]
    status, page = send(editor, path, fields)
    assert status == 422
    assert "Choose at least one." in page


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("{", "Not JSON: line 1, column 2."),
        ("NaN", "This is not JSON."),
        ("", "This is needed."),
        ("3", "A JSON Schema is an object."),
    ],
)
def test_json_that_is_none(editor: FlaskClient, office: Office, typed: str, said: str) -> None:
    page = send(editor, f"new{RULE}", open_form(editor, f"new{RULE}"), do="add:validate", name="shape")[1]
    status, page = send(editor, f"new{RULE}", fields_of(page), schema=typed)
    assert status == 422
    assert said in page
    assert office.drafted() is None


def test_too_many_steps_and_triggers(editor: FlaskClient, office: Office) -> None:
    office.publish(rule(*({"name": f"t{n}", "steps": [STOP]} for n in range(20))))
    fields = [*open_form(editor, f"new{RULE}"), ("step", "a1"), ("a1-kind", "stop")]
    status, page = send(editor, f"new{RULE}", fields, name="one more")
    assert status == 422
    assert "At most 20 triggers a rule." in page
    path = f"edit{RULE}&trigger=t1"
    fields = open_form(editor, path)
    for number in range(51):
        fields += [("step", f"a{number}"), (f"a{number}-kind", "stop")]
    status, page = send(editor, path, fields)
    assert status == 422
    assert "At most 50 steps a trigger." in page


def test_someone_else_changed_the_rule_meanwhile(editor: FlaskClient, office: Office) -> None:
    path = f"edit{RULE}&trigger=calm"
    fields = open_form(editor, path)
    with office.app.app_context():
        now = drafts.working_rules(office.workspace).rules[0]
        theirs = Rule(now.target, description="of Bob", triggers=(Trigger("calm"), *now.triggers[1:]))
        drafts.save_rule(office.workspace, theirs, replaces=now.target, author="bob")
    status, page = send(editor, path, fields, limit="8")
    assert status == 409
    assert "bob" in page
    assert "changed this rule" in page
    assert [value for name, value in fields_of(page) if name.endswith("-limit")] == ["8"]
    assert drafted(office)[0].steps == ()
    assert send(editor, path, fields_of(page))[0] == 303
    assert drafted(office)[0].steps[0].values["limit"] == 8
    assert office.drafted() == {"chat/*": "of Bob"}


def test_the_rule_was_deleted_meanwhile(editor: FlaskClient, office: Office) -> None:
    path = f"edit{RULE}&trigger=calm"
    fields = open_form(editor, path)
    with office.app.app_context():
        drafts.delete_rule(office.workspace, Target("chat/*", True), author="bob")
    status, page = send(editor, path, fields, limit="8")
    assert status == 409
    assert "The rule is gone" in page
    assert office.drafted() == {}


def test_sending_it_twice_is_one_change(editor: FlaskClient, office: Office) -> None:
    fields = open_form(editor, f"new{RULE}")
    page = send(editor, f"new{RULE}", fields, do="add:stop", name="mine")[1]
    assert [send(editor, f"new{RULE}", fields_of(page))[0] for _ in range(2)] == [303, 303]
    assert [trigger.name for trigger in drafted(office)] == ["calm", "second", "mine"]


def test_what_is_not_there(editor: FlaskClient) -> None:
    for path in ("edit?target=nothing&trigger=calm", "new?target=nothing"):
        assert editor.get(f"/w/default/channels/triggers/{path}").status_code == 404


def test_a_trigger_that_the_draft_renamed_leads_to_its_rule(editor: FlaskClient) -> None:
    """The page *Triggers* names those in force, and the button back names what was: both met with a bare 404."""
    answer = editor.get(f"/w/default/channels/triggers/edit{RULE}&trigger=before", follow_redirects=True)
    assert answer.status_code == 200
    assert answer.request.path == "/w/default/channels/edit"
    assert "renamed or deleted" in answer.text


def test_developers_and_viewers_edit_nothing(signed_in: SignIn, office: Office) -> None:
    office.publish(rule(CALM))
    for role in (RoleName.DEVELOPER, RoleName.VIEWER):
        client = signed_in(role)
        for path in (f"edit{RULE}&trigger=calm", f"new{RULE}"):
            assert client.get(f"/w/default/channels/triggers/{path}").status_code == 403


def test_without_the_token_nothing_is_taken(editor: FlaskClient, office: Office) -> None:
    path = f"edit{RULE}&trigger=calm"
    fields = [field for field in open_form(editor, path) if field[0] != "csrf_token"]
    assert send(editor, path, fields, limit="7")[0] == 400
    assert office.drafted() is None


# The list on the rule's page


def arrange(client: FlaskClient, page: str, trigger: str, do: str) -> int:
    seen = re.search(r'<section id="triggers".*?name="seen" value="([^"]*)"', page, re.DOTALL)
    assert seen is not None
    token = client.token  # type: ignore[attr-defined]
    data = {"csrf_token": token, "seen": seen[1], "trigger": trigger, "do": do}
    return client.post(f"/w/default/channels/triggers/arrange{RULE}", data=data).status_code


def test_the_list_says_what_there_is(editor: FlaskClient) -> None:
    page = html.unescape(editor.get(f"/w/default/channels/edit{RULE}").text)
    for part in (
        "<bdi>calm</bdi>",
        "2 steps",
        "at most 5 in 60 s for each user",
        '<span class="tag">message</span>',
        "Add a trigger",
    ):
        assert part in page
    assert "Save the rule first" in editor.get("/w/default/channels/new").text


def test_moving_switching_and_deleting(editor: FlaskClient, office: Office) -> None:
    address = f"/w/default/channels/edit{RULE}"
    assert arrange(editor, editor.get(address).text, "second", "up") == 303
    assert [trigger.name for trigger in drafted(office)] == ["second", "calm"]
    assert arrange(editor, editor.get(address).text, "calm", "off") == 303
    assert [trigger.enabled for trigger in drafted(office)] == [True, False]
    assert arrange(editor, editor.get(address).text, "second", "delete") == 303
    assert [trigger.name for trigger in drafted(office)] == ["calm"]
    page = editor.get(address).text
    assert "It runs until the draft is published" in page
    assert arrange(editor, page, "calm", "explode") == 422


def test_the_list_does_not_overwrite_what_someone_else_did(editor: FlaskClient, office: Office) -> None:
    address = f"/w/default/channels/edit{RULE}"
    page = editor.get(address).text
    assert arrange(editor, page, "calm", "off") == 303
    arrange(editor, page, "second", "delete")
    assert "Not changed." in editor.get(address).text
    assert [trigger.name for trigger in drafted(office)] == ["calm", "second"]


def test_the_form_of_the_rule_keeps_its_triggers(editor: FlaskClient, office: Office) -> None:
    page = editor.get(f"/w/default/channels/edit{RULE}").text
    seen = re.search(r'<input id="seen" name="seen" type="hidden" value="([^"]*)">', page)
    assert seen is not None
    token = editor.token  # type: ignore[attr-defined]
    data = {"csrf_token": token, "seen": seen[1], "pattern": "chat", "wildcard": "y", "history": "25"}
    assert editor.post(f"/w/default/channels/edit{RULE}", data=data).status_code == 303
    assert [trigger.name for trigger in drafted(office)] == ["calm", "second"]


def test_everything_else_that_changes_a_rule_keeps_them(editor: FlaskClient, office: Office) -> None:
    token = editor.token  # type: ignore[attr-defined]
    data = {"csrf_token": token, "enabled": "off"}
    assert editor.post(f"/w/default/channels/status{RULE}", data=data).status_code == 303
    assert [trigger.name for trigger in drafted(office)] == ["calm", "second"]
    assert editor.post(f"/w/default/channels/take-back{RULE}", data={"csrf_token": token}).status_code == 303
    page = editor.get(f"/w/default/channels/edit{RULE}&preset=open-chat").text
    seen = re.search(r'<input id="seen" name="seen" type="hidden" value="([^"]*)">', page)
    assert seen is not None
    moved = {"csrf_token": token, "seen": seen[1], "pattern": "talk", "wildcard": "y", "history": "0", "presence": "y"}
    assert editor.post(f"/w/default/channels/edit{RULE}", data=moved).status_code == 303
    assert [trigger.name for trigger in drafted(office)] == ["calm", "second"]
    assert office.drafted() == {"talk/*": ""}
    office.publish(rule(CALM))
    version = {"csrf_token": token, "enabled": "off", "expected_version": str(office.version())}
    assert editor.post(f"/w/default/channels/switch{RULE}", data=version).status_code == 303
    with office.app.app_context():
        assert rules.active_rules(office.workspace).rules[0].triggers[0].name == "calm"
