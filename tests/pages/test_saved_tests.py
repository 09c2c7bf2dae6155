"""The page of the rule tests: written, begun by an address, shown with what is decided and why, changed, deleted."""

import json
from collections.abc import Callable

import pytest
import yaml
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from webapp.core.documents import parse_document
from webapp.models import RoleName
from webapp.services import admins, drafts, ruletests, workspaces

from .conftest import Office

PATH = "/w/default/tests"
GUEST = {"sub": "bob", "extras": {"role": "guest"}}
MODERATED = {"pattern": "moderated-chat", "wildcard": True, "presence": True}
FORM = {"who": "claims", "identity": json.dumps(GUEST), "allowed": "0", "operation": "send_public", "name": ""}
FORM["channel"] = "moderated-chat/x"
HOSTILE = '"><img src=x onerror=alert(1)>`{{7*7}}'


def post(client: FlaskClient, path: str, **form: object) -> tuple[int, str]:
    answer = client.post(path, data={"csrf_token": client.token} | form)  # type: ignore[attr-defined]
    return answer.status_code, answer.text


def saved(office: Office) -> list[dict[str, object]]:
    with office.app.app_context():
        return [ruletests.row(test) for test in ruletests.list_all(office.workspace)]


def draft(office: Office, *rows: dict[str, object]) -> None:
    with office.app.app_context():
        drafts.replace_all(office.workspace, parse_document({"channels": list(rows)}).rules, author="bob")


def test_an_empty_page_says_what_tests_are_for(signed_in: Callable[..., FlaskClient]) -> None:
    text = signed_in().get(PATH).text
    assert "A test says what must hold" in text
    assert "/tests/new?channel=" in text


def test_a_test_is_written_and_named_for_what_it_holds(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    assert post(signed_in(), f"{PATH}/new", **FORM)[0] == 303
    name = "bob (role=guest) may not send public in `moderated-chat/x`"
    assert saved(office) == [
        {"name": name, "channel": "moderated-chat/x", "operation": "send_public", "identity": GUEST, "allowed": False}
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"channel": "a/b", "operation": "join", "allowed": "0"},
         ['value="a/b"', '<option selected value="join">', 'checked id="who-0"', 'checked id="allowed-1"']),
        ({"channel": "a", "operation": "send", "identity": '{"sub":"7"}', "allowed": "1"},
         ["&#34;sub&#34;: &#34;7&#34;", 'checked id="who-1"', 'checked id="allowed-0"']),
        ({"operation": "fly", "identity": "{"}, ['<option selected value="join">', ">\r\n{</textarea>"]),
        ({"channel": HOSTILE, "identity": HOSTILE}, ["&lt;img src=x"]),
    ],
)  # fmt: skip
def test_an_address_begins_a_test(
    signed_in: Callable[..., FlaskClient], query: dict[str, str], expected: list[str]
) -> None:
    answer = signed_in().get(f"{PATH}/new", query_string=query)
    assert answer.status_code == 200
    for part in expected:
        assert part in answer.text
    assert "<img src=x" not in answer.text


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"channel": ""}, "channel"),
        ({"channel": "x" * 256}, "channel"),
        ({"channel": "a\x00b"}, "channel"),
        ({"identity": "{"}, "identity"),
        ({"identity": "[]"}, "identity"),
        ({"identity": "[" * 50_000}, "identity"),
        ({"identity": '{"sub": []}'}, "identity"),
        ({"identity": json.dumps({"sub": "x" * 20_000})}, "identity"),
        ({"name": "x" * 201}, "name"),
        ({"operation": "fly"}, "operation"),
        ({"allowed": ""}, "allowed"),
        ({"who": "nobody"}, "who"),
    ],
)
@pytest.mark.parametrize("path", ["/new", "/1"])
def test_what_can_not_be_taken_is_told_beside_its_field_and_kept(
    signed_in: Callable[..., FlaskClient], office: Office, change: dict[str, str], field: str, path: str
) -> None:
    office.test()
    before = saved(office)
    status, text = post(signed_in(), PATH + path, **(FORM | change))
    assert status == 422
    assert f'id="{field}-error"' in text
    assert "moderated-chat/x" in text or field == "channel"
    assert saved(office) == before


def test_each_test_says_how_it_stands_with_what_is_in_force_and_with_the_draft(
    signed_in: Callable[..., FlaskClient], office: Office
) -> None:
    office.publish(MODERATED)
    office.test(name="guests are quiet", channel="moderated-chat/x", operation="send_public", identity=GUEST,
                allowed=False)  # fmt: skip
    office.test(name="guests come in", channel="moderated-chat/x", identity=GUEST)
    client = signed_in()
    text = client.get(PATH).text
    assert "All hold" in text
    assert "In the draft" not in text
    draft(office, MODERATED | {"client_public_messaging": True})
    text = client.get(PATH).text
    assert "1 test fails" in text
    first, second = text.index("guests are quiet"), text.index("guests come in")
    assert first < second, "what fails comes first"
    assert "Public messaging" in text or "public messaging" in text


def test_tests_are_found_and_paged(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    with office.app.app_context():
        specs = [ruletests.Spec(f"test {i}", f"room/{i}", "join", None, i == 0) for i in range(120)]
        ruletests.replace_all(office.workspace, specs, author="t", source="cli")
    client = signed_in()
    assert "page 1 of 3" in client.get(PATH).text
    assert "page 3 of 3" in client.get(f"{PATH}?page=99999").text
    assert client.get(f"{PATH}?page=x&q=ROOM/119").text.count("<summary data-row>") == 1
    assert "1 test of 120" in client.get(f"{PATH}?show=failing").text
    partial = client.get(
        PATH, headers={"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "section#tests"}
    )
    assert partial.text.lstrip().startswith('<section id="tests"')


def test_a_test_is_changed_and_deleted(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    number = office.test()
    client = signed_in()
    assert "anonymous may join" in client.get(f"{PATH}/{number}").text
    assert post(client, f"{PATH}/{number}", **FORM)[0] == 303
    assert saved(office)[0]["operation"] == "send_public"
    assert post(client, f"{PATH}/{number}/delete")[0] == 303
    assert saved(office) == []
    assert post(client, f"{PATH}/{number}/delete")[0] == 404
    assert client.get(f"{PATH}/{number}").status_code == 404
    assert client.get(f"{PATH}/{2**40}").status_code == 404


def test_another_workspaces_test_is_not_there(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    with office.app.app_context():
        owner = admins.create("eve", "correct horse battery", role=RoleName.OWNER, workspace=office.workspace,
                              author="t", source="cli")  # fmt: skip
        other = workspaces.create("other", "Other", author="t", source="cli", owner=owner)
        theirs = ruletests.create(other, name="secret", channel="a", operation="join", identity=None, allowed=True,
                                  author="t", source="cli")  # fmt: skip
    client = signed_in()
    assert client.get(f"{PATH}/{theirs.id}").status_code == 404
    assert post(client, f"{PATH}/{theirs.id}", **FORM)[0] == 404
    assert post(client, f"{PATH}/{theirs.id}/delete")[0] == 404
    assert "secret" not in client.get(PATH).text


def test_the_export_is_what_the_command_line_reads(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    office.test(identity=GUEST)
    exported = signed_in().get(f"{PATH}/export")
    assert exported.headers["Content-Disposition"] == 'attachment; filename="default-tests.yaml"'
    assert [spec.identity for spec in ruletests.read_specs(yaml.safe_load(exported.text))] == [GUEST]


def test_the_decision_follows_what_is_typed(at_home: Page, office: Office) -> None:
    office.publish(MODERATED | {"client_public_messaging": True})
    at_home.goto(f"{PATH}/new?channel=moderated-chat/x&operation=send_public&allowed=0")
    preview = at_home.locator("#test-preview")
    expect(preview).to_contain_text("In force, version 1: allowed")
    at_home.get_by_label("Channel").fill("elsewhere")
    expect(preview).to_contain_text("no_rule")
    at_home.get_by_label("A client with a token").check()
    at_home.get_by_label("What the token says").fill('{"sub": "bob"}')
    expect(preview).to_contain_text("bob may not send public in elsewhere")
    at_home.get_by_role("button", name="Save the test").click()
    expect(at_home.locator("#notices")).to_contain_text("Saved: bob may not")
    at_home.locator("#tests summary").first.click()
    expect(at_home.locator("#tests")).to_contain_text("No active rule")


def test_hostile_names_do_nothing(at_home: Page, office: Office) -> None:
    office.test(name=HOSTILE, channel=HOSTILE, identity={"sub": HOSTILE, "extras": {HOSTILE: HOSTILE}}, allowed=False)
    for path in (PATH, f"{PATH}/1"):
        at_home.goto(path)
        expect(at_home.locator("main")).to_contain_text("<img src=x onerror=alert(1)>")
        assert at_home.locator("main img").count() == 0


def test_a_test_is_deleted_after_a_question(at_home: Page, office: Office) -> None:
    office.test()
    at_home.goto(PATH)
    at_home.locator("#tests .confirm summary").click()
    at_home.get_by_role("button", name="Delete the test").click()
    expect(at_home.locator("#notices")).to_contain_text("Deleted")
    assert saved(office) == []
