"""The editor of a trigger in a real browser: built by mouse and by keyboard alone, dragged, typed into, saved."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from websockets.sync.client import connect

from tests.servers import Server, rule, serving
from webapp.core.triggers import StepKind, Trigger
from webapp.services import drafts

from .conftest import PASSWORD, ROOT, Office, quiet_page
from .test_pages_fit_and_are_accessible import AXE

RULE = "?target=chat/*&nested=1"
NEW = f"/w/default/channels/triggers/new{RULE}"
STOP = {"type": "stop"}
LOG = {"type": "log", "text": "a"}
LIMIT = {"type": "rate_limit"}
CODE = 'async function (event) {\n  if (event.payload.text === "no") throw new Error("Not that.");\n  return event;\n}'


def axe() -> str:
    return (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")


def publish(office: Office, *steps: dict[str, object]) -> str:
    office.publish(rule("chat/*", "A M", triggers=[{"name": "calm", "steps": list(steps)}]))
    return f"/w/default/channels/triggers/edit{RULE}&trigger=calm"


def drafted(office: Office) -> tuple[Trigger, ...]:
    with office.app.app_context():
        return drafts.working_rules(office.workspace).rules[0].triggers


def order(page: Page) -> Locator:
    return page.locator("#steps > .step h3")


def said(page: Page, text: str) -> None:
    expect(page.locator("#moved")).to_have_text(text)


def add(page: Page, kind: str) -> None:
    page.locator("#add-step").click()
    page.locator(f"#add-{kind}").click()


def save(page: Page) -> None:
    page.locator("#save").click()
    expect(page.locator("#notices")).to_contain_text("saved in the draft")


def test_by_mouse(at_home: Page, office: Office) -> None:
    publish(office)
    at_home.goto(f"/w/default/channels/edit{RULE}")
    at_home.get_by_role("link", name="Add a trigger").click()
    at_home.get_by_label("Name").fill("guard")
    at_home.get_by_label("Joins", exact=True).check()
    add(at_home, "rate_limit")
    said(at_home, "Rate limit is added as step 1.")
    expect(at_home.locator("#steps > .step").first).to_be_focused()
    at_home.get_by_label("At most").fill("7")
    add(at_home, "transform")
    at_home.get_by_role("button", name="Add a row").click()
    at_home.get_by_label("Field").nth(1).fill("secret")
    at_home.get_by_label("Do", exact=True).nth(1).select_option("mask")
    expect(at_home.get_by_label("To", exact=True)).to_have_count(2)
    expect(at_home.get_by_label("To", exact=True).nth(1)).to_be_hidden()
    at_home.get_by_role("button", name="Remove row 1").click()
    said(at_home, "The row is removed.")
    at_home.get_by_role("button", name="Move step 2 up").click()
    expect(order(at_home)).to_have_text([re.compile("Transform"), re.compile("Rate limit")])
    at_home.get_by_role("button", name="Duplicate step 1").click()
    said(at_home, "Transform is copied as step 2.")
    at_home.get_by_role("button", name="Remove step 2").click()
    expect(order(at_home)).to_have_count(2)
    assert office.drafted() is None
    save(at_home)
    calm, guard = drafted(office)
    assert (calm.name, guard.name) == ("calm", "guard")
    assert [step.kind for step in guard.steps] == [StepKind.TRANSFORM, StepKind.RATE_LIMIT]
    assert guard.steps[0].values == {"changes": [{"do": "mask", "field": "secret"}]}
    assert guard.steps[1].values["limit"] == 7


def test_by_keyboard_alone(at_home: Page, office: Office) -> None:
    publish(office)
    at_home.goto(NEW)
    press, write = at_home.keyboard.press, at_home.keyboard.type
    at_home.get_by_label("Name").focus()
    write("by keys")
    for kind in ("stop", "log"):
        at_home.locator("#add-step").focus()
        press("Enter")
        at_home.locator(f"#add-{kind}").focus()
        press("Enter")
        expect(at_home.locator("#steps > .step").last).to_be_focused()
    expect(order(at_home)).to_have_text([re.compile("Stop"), re.compile("Log")])
    press("Alt+ArrowUp")
    said(at_home, "Log is now step 1 of 2.")
    expect(at_home.locator("#steps > .step").first).to_be_focused()
    press("Alt+ArrowUp")
    press("Tab")  # to its buttons
    expect(at_home.get_by_role("button", name="Move step 1 up")).to_be_focused()
    press("Tab")
    press("Enter")
    said(at_home, "Log is now step 2 of 2.")
    expect(at_home.get_by_role("button", name="Move step 2 down")).to_be_focused()
    at_home.get_by_label("Name").focus()
    press("Enter")
    expect(at_home.locator("#notices")).to_contain_text("saved in the draft")
    assert [step.kind for step in drafted(office)[1].steps] == [StepKind.STOP, StepKind.LOG]


def test_by_drag(at_home: Page, office: Office) -> None:
    at_home.set_viewport_size({"width": 1440, "height": 1800})  # the page must not scroll between down and up
    at_home.goto(publish(office, LIMIT, LOG, STOP))
    grips = at_home.locator("#steps .grip")
    grips.nth(2).drag_to(at_home.locator("#steps > .step").first, target_position={"x": 200, "y": 3})
    said(at_home, "Stop is now step 1 of 3.")
    expect(order(at_home)).to_have_text([re.compile("Stop"), re.compile("Rate limit"), re.compile("Log")])
    last = at_home.locator("#steps > .step").last
    box = last.bounding_box()
    assert box is not None
    grips.nth(0).drag_to(last, target_position={"x": 200, "y": box["height"] - 4})
    expect(order(at_home)).to_have_text([re.compile("Rate limit"), re.compile("Log"), re.compile("Stop")])
    assert office.drafted() is None


def test_code_is_typed_into_an_editor_and_stays_through_moves(at_home: Page, office: Office) -> None:
    publish(office)
    at_home.goto(NEW)
    at_home.get_by_label("Name").fill("code")
    add(at_home, "javascript")
    editor = at_home.get_by_role("textbox", name="Code")
    expect(editor).to_contain_text("return event")
    editor.click()
    at_home.keyboard.press("Control+a")
    at_home.keyboard.insert_text(CODE)
    add(at_home, "stop")
    at_home.get_by_role("button", name="Move step 1 down").click()
    expect(order(at_home)).to_have_text([re.compile("Stop"), re.compile("JavaScript")])
    expect(editor).to_contain_text("Not that.")
    expect(at_home.locator(".cm-editor")).to_have_count(1)
    save(at_home)
    assert drafted(office)[1].steps[1].values["code"] == CODE
    at_home.get_by_role("link", name="Edit code").click()
    expect(editor).to_contain_text("Not that.")


def test_the_tab_key_is_no_trap(at_home: Page, office: Office) -> None:
    at_home.goto(publish(office, {"type": "validate"}))
    editor = at_home.get_by_role("textbox", name="JSON Schema")
    editor.focus()
    at_home.keyboard.press("Tab")
    expect(editor).to_be_focused()
    at_home.keyboard.press("Escape")
    at_home.keyboard.press("Tab")
    expect(at_home.get_by_label("Message", exact=True)).to_be_focused()


def test_errors_are_beside_code_too_and_lead_there(at_home: Page, office: Office) -> None:
    at_home.goto(publish(office, {"type": "validate"}))
    editor = at_home.get_by_role("textbox", name="JSON Schema")
    editor.click()
    at_home.keyboard.press("Control+a")
    at_home.keyboard.insert_text("[1")
    at_home.locator("#save").click()
    expect(at_home.locator(".step .error")).to_contain_text("Not JSON: line 1")
    expect(editor).to_be_focused()
    expect(editor).to_have_attribute("aria-invalid", "true")
    expect(editor).to_have_text("[1")
    assert office.drafted() is None


def test_fields_that_do_not_matter_are_not_there(at_home: Page, office: Office) -> None:
    at_home.goto(publish(office, {"type": "webhook", "url": "https://example.com/a"}))
    wait = at_home.get_by_label("Wait at most")
    expect(wait).to_be_visible()
    at_home.get_by_label("When").select_option("after")
    expect(wait).to_be_hidden()
    save(at_home)
    assert drafted(office)[0].steps[0].values == {"url": "https://example.com/a", "when": "after"}


def test_what_was_typed_is_not_lost_by_leaving(at_home: Page, office: Office) -> None:
    at_home.goto(publish(office, LOG))
    leaves = "!dispatchEvent(new Event('beforeunload', {cancelable: true}))"
    assert at_home.evaluate(leaves) is False
    at_home.locator("#trial").get_by_label("Payload").fill("{}")
    assert at_home.evaluate(leaves) is False
    at_home.get_by_label("Text", exact=True).fill("b")
    assert at_home.evaluate(leaves) is True
    save(at_home)


def test_the_list_changes_the_draft_and_the_rule_s_form_goes_on(at_home: Page, office: Office) -> None:
    """The list changes the state that the rule's form was made for: saving that must not look like a conflict."""
    office.publish(rule("chat/*", "A M", triggers=[{"name": "calm"}, {"name": "second"}]))
    at_home.goto(f"/w/default/channels/edit{RULE}")
    at_home.get_by_role("button", name="Move second up").click()
    expect(at_home.locator(".trigger-list h3")).to_have_text(["second", "calm"])
    at_home.get_by_role("switch", name="Trigger calm").click()
    expect(at_home.get_by_role("switch", name="Trigger calm")).to_have_attribute("aria-checked", "false")
    at_home.get_by_role("button", name="Delete second").click()
    expect(at_home.locator("#notices")).to_contain_text("can be taken back")
    at_home.get_by_label("Description").fill("changed")
    at_home.get_by_role("button", name="Save in the draft").click()
    expect(at_home.locator("#notices")).to_contain_text("is saved in the draft")
    assert office.drafted() == {"chat/*": "changed"}
    assert [(t.name, t.enabled) for t in drafted(office)] == [("calm", False)]


def test_on_a_phone(at_home: Page, office: Office) -> None:
    at_home.set_viewport_size({"width": 390, "height": 844})
    publish(office)
    at_home.goto(NEW)
    at_home.get_by_role("button", name="Five messages a minute").click()
    expect(order(at_home)).to_have_text([re.compile("Rate limit")])
    expect(at_home.get_by_label("Name")).to_have_value("Five messages a minute")
    save(at_home)


def test_without_scripts(browser: Browser, at_home: Page, office: Office) -> None:
    path = publish(office, {"type": "webhook", "url": "https://example.com/a", "when": "after"})
    context = browser.new_context(java_script_enabled=False, storage_state=at_home.context.storage_state())
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.goto(at_home.url.partition("/w/")[0] + path)
    expect(page.get_by_label("Wait at most")).to_be_visible()
    page.locator("#add-step").click()
    page.locator("#add-validate").click()
    page.get_by_role("button", name="Move step 2 up").click()
    expect(order(page)).to_have_text([re.compile("Validate"), re.compile("Webhook")])
    page.get_by_label("JSON Schema").fill('{"type": "object"}')
    page.locator("#save").click()
    page.wait_for_url("**/channels/edit**")
    assert [step.kind for step in drafted(office)[0].steps] == [StepKind.VALIDATE, StepKind.WEBHOOK]
    context.close()


# Beside a running server


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with serving() as server:
        server.publish(
            rule("chat/*", "A M", triggers=[{"name": "code", "steps": [{"type": "javascript", "code": CODE}]}])
        )
        yield server


@pytest.fixture
def owner(browser: Browser, running: Server) -> Iterator[Page]:
    with quiet_page(browser, f"http://127.0.0.1:{running.port}") as page:
        page.goto(running.call("setup_link"))
        page.get_by_label("Username").fill("ada")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label("Password, repeated").fill(PASSWORD)
        page.get_by_role("button", name="Create owner").click()
        page.wait_for_url("**/w/default")
        yield page


def test_a_test_run_and_the_log_of_runs(owner: Page, running: Server) -> None:
    owner.goto(f"/w/default/channels/triggers/edit{RULE}&trigger=code")
    trial = owner.locator("#trial")
    trial.get_by_label("Payload").fill('{"text": "no"}')
    trial.get_by_role("button", name="Run", exact=True).click()
    expect(trial).to_contain_text("Not that.")
    expect(trial.locator(".trial-steps .verdict")).to_have_class("verdict denied")
    editor = owner.get_by_role("textbox", name="Code")
    editor.click()
    owner.keyboard.press("Control+a")
    owner.keyboard.insert_text("(event) => { event.payload.seen = true; return event; }")
    trial.get_by_role("button", name="Run", exact=True).click()
    expect(trial.locator(".trial-steps .verdict")).to_have_class("verdict changed")
    expect(trial.locator(".in-and-out pre").nth(1)).to_contain_text('"seen": true')
    expect(editor).to_contain_text("event.payload.seen")
    owner.evaluate(axe())
    assert owner.evaluate(AXE) == []
    owner.locator("#save").click()
    owner.wait_for_url("**/channels/edit**")
    owner.goto("/w/default/triggers")
    expect(owner.locator("#runs")).to_contain_text("Nothing set off a trigger")
    with connect(f"ws://127.0.0.1:{running.port}/rt/default") as client:
        for action in ("join", "message"):
            client.send(json.dumps({"action": action, "options": {"channel": "chat/a"}, "payload": {"text": "no"}}))
        run = owner.locator("#runs .runs > li").first
        expect(run).to_contain_text("blocked", timeout=15_000)  # it came by itself
        run.locator("summary").click()
        expect(run).to_contain_text("It threw: Not that.")
        owner.evaluate(axe())
        assert owner.evaluate(AXE) == []
    owner.get_by_label("What it came to").select_option("passed")
    expect(owner.locator("#runs")).to_contain_text("No run is like that")
    expect(owner).to_have_url(re.compile("state=passed"))
