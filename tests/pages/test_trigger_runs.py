"""The log of runs, and test runs of a stack that is being typed, beside a running server."""

import html
import re
from collections.abc import Callable, Iterator

import pytest
from flask.testing import FlaskClient

from tests.servers import rule
from tests.sockets.live import Live
from webapp.core.documents import parse_document
from webapp.core.triggers import StepKind, TriggerEvent
from webapp.inspector.capture import Capture
from webapp.models import RoleName
from webapp.realtime.workspace import WorkspaceConfig
from webapp.services import resending
from webapp.triggers.runs import Run, StepRun
from webapp.triggers.steps.base import State

from .conftest import Office
from .test_trigger_editor import fields_of, open_form, send

SignIn = Callable[..., FlaskClient]
RUNS = "/w/default/triggers"
RULE = "?target=chat/*&nested=1"
EDIT = f"edit{RULE}&trigger=calm"
STEPS = [
    {"type": "transform", "changes": [{"do": "mask", "field": "secret"}]},
    {"type": "log", "text": "{{ event.client.userId }} wrote"},
    {"type": "validate", "schema": {"required": ["text"]}, "message": "Say something."},
]


@pytest.fixture
def live(office: Office) -> Iterator[Live]:
    live = Live()
    rows = [rule("chat/*", "A M", triggers=[{"name": "calm", "steps": STEPS}])]
    live.publish(parse_document({"channels": rows}).rules)
    live.workspace.config = WorkspaceConfig(1, "default", live.workspace.rules, capture=Capture(until=4e9))
    live.workspace.set_capture(1e9)
    office.publish(*rows)
    office.app.extensions["tidegate.realtime"] = live.realtime
    yield live
    del office.app.extensions["tidegate.realtime"]


def a_run(number: int, state: State = State.PASSED, **more: object) -> Run:
    given = {"trigger": "calm", "on": TriggerEvent.MESSAGE, "channel": "chat/a", "workspace": "default"} | more
    steps = (StepRun(StepKind.LOG, state, 0.5, "a note"),)
    return Run(id=17_000_000_000_000_000 + number, target="chat/*", state=state, took=1.25, steps=steps, **given)  # type: ignore[arg-type]


def listed(page: str) -> list[str]:
    return [html.unescape(name) for name in re.findall(r"<strong><bdi>([^<]*)</bdi></strong>", page)]


def text(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def test_runs_are_listed_newest_first_with_their_steps(live: Live, signed_in: SignIn) -> None:
    log = live.realtime.triggers.log
    log.add(a_run(1, user_id="7", socket_id="s1", message=42))
    log.add(a_run(2, State.BLOCKED, trigger="strict", note="Step 1, log: no."))
    log.add(a_run(3, trigger="of others", workspace="other"))
    page = signed_in(RoleName.VIEWER).get(RUNS).text
    assert listed(page) == ["strict", "calm"]
    said = text(page)
    for words in ("2 runs are kept", "Step 1, log: no.", "a note", "1.2 ms", "the server", "1 trigger in force"):
        assert words in said
    assert "/w/default/inspector?selected=42" in page
    counts = re.findall(r'class="verdict \w+">(\w+)</span></dt><dd class="tabular">(\d+)</dd>', page)
    assert counts == [("passed", "1"), ("changed", "0"), ("blocked", "1"), ("failed", "0")]
    assert "/channels/triggers/edit" not in page
    # Who may not edit has no other page that says what a trigger does.
    assert "Transform mask secret" in said


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=STRICT", ["strict"]),
        ("q=chat/*", ["strict", "calm"]),
        ("q=seven", ["calm"]),
        ("state=blocked", ["strict"]),
        ("state=nonsense", ["strict", "calm"]),
        ("event=join", []),
        ("event=message&channel=/A", ["calm"]),
        ("page=x", ["strict", "calm"]),
        ("page=99", ["strict", "calm"]),
    ],
)
def test_filters_stand_in_the_address(live: Live, signed_in: SignIn, query: str, names: list[str]) -> None:
    live.realtime.triggers.log.add(a_run(1, user_id="seven"))
    live.realtime.triggers.log.add(a_run(2, State.BLOCKED, trigger="strict", channel="chat/b"))
    page = signed_in().get(f"{RUNS}?{query}").text
    assert listed(page) == names
    assert ("No run is like that" in page) == (not names)


def test_pages(live: Live, signed_in: SignIn) -> None:
    for number in range(120):
        live.realtime.triggers.log.add(a_run(number, trigger=f"t{number}"))
    client = signed_in()
    assert listed(client.get(RUNS).text)[0] == "t119"
    page = client.get(f"{RUNS}?page=3").text
    assert listed(page) == [f"t{number}" for number in reversed(range(20))]
    assert "?page=2" in page
    assert "every 5s" not in page


def test_what_there_is_to_see_before_anything_ran(signed_in: SignIn, office: Office) -> None:
    client = signed_in()
    assert "No triggers yet" in client.get(RUNS).text
    office.publish(rule("chat/*", "A M", triggers=[{"name": "calm", "steps": STEPS}]))
    page = client.get(RUNS).text
    assert "No server runs in this process" in page
    assert "/channels/triggers/edit?target=chat/*&amp;nested=1&amp;trigger=calm" in page


def test_a_message_that_a_trigger_ran_on(live: Live, signed_in: SignIn) -> None:
    client = live.connect("42")
    live.send(client, "join", "chat/a", {})
    live.send(client, "message", "chat/a", {"no": "text"})
    page = signed_in().get(RUNS).text
    assert listed(page) == ["calm"]
    assert "blocked" in text(page)


def test_a_run_leads_to_its_message_also_where_it_was_blocked(live: Live, signed_in: SignIn) -> None:
    """A refusal has a number of its own, which its client is told; the run knows the one that the message would have
    had. The link said "Not kept any more" of all that a trigger had blocked."""
    client = live.connect("42")
    live.send(client, "join", "chat/a", {})
    live.send(client, "message", "chat/a", {"no": "text"})
    live.send(client, "message", "chat/a", {"text": "hello"})
    viewer = signed_in()
    links = re.findall(r'href="(/w/default/inspector\?selected=\d+)"', viewer.get(RUNS).text)
    passed, blocked = (viewer.get(link).text for link in links)
    assert "Not kept any more" not in passed + blocked
    assert "Say something." in text(blocked)


# Test runs


def try_out(client: FlaskClient, fields: list[tuple[str, str]], do: str = "try", **trial: str) -> tuple[int, str]:
    given = {"event": "message", "channel": "chat/a", "claims": '{"sub": "42"}', "payload": '{"secret": 1}'} | trial
    sent = [*fields, *((f"trial-{name}", value) for name, value in given.items())]
    return send(client, EDIT, sent, do=do)


def test_a_test_run_shows_every_step_and_sends_nothing(live: Live, signed_in: SignIn, office: Office) -> None:
    client = signed_in(RoleName.EDITOR)
    fields = open_form(client, EDIT)
    status, page = try_out(client, fields)
    said = text(page[page.index('id="trial"') :])
    assert status == 200
    for words in (
        "Transform changed",
        "Log passed",
        "Validate blocked",
        "Say something.",
        "blocked_by_trigger",
        "42 wrote",
    ):
        assert words in said, words
    assert '"secret": "•••"' in said
    assert "Nothing was sent." in said
    assert office.drafted() is None
    assert live.realtime.triggers.log.of("default") == []
    status, page = try_out(client, fields, payload='{"text": "hi"}')
    assert "it goes on" in page
    assert [value for name, value in fields_of(page) if name == "step"] != []


def test_the_stack_as_it_is_typed_is_run(live: Live, signed_in: SignIn) -> None:
    client = signed_in(RoleName.EDITOR)
    fields = [(n, "other" if n.endswith("-field") else v) for n, v in open_form(client, EDIT)]
    page = try_out(client, fields, payload='{"other": 1, "text": ""}')[1]
    assert "&#34;other&#34;: &#34;•••&#34;" in page


def test_a_join_says_whether_the_rule_would_let_the_client_in(live: Live, signed_in: SignIn, office: Office) -> None:
    log = {"type": "log", "text": "would join: {{ event.authorized }}"}
    client = signed_in(RoleName.EDITOR)
    for letters, said in (("A", "true"), ("", "false")):
        office.publish(rule("chat/*", letters, triggers=[{"name": "calm", "events": ["join"], "steps": [log]}]))
        page = try_out(client, open_form(client, EDIT), event="join", claims="")[1]
        assert f"would join: {said}" in page


@pytest.mark.parametrize(
    ("trial", "said"),
    [
        ({"channel": "news"}, "does not cover this channel"),
        ({"channel": ""}, "trial-channel-error"),
        ({"claims": "{"}, "trial-claims-error"),
        ({"payload": "{"}, "This is not JSON."),
        ({"event": "never"}, "trial-event-error"),
    ],
)
def test_a_sample_that_can_t_be(live: Live, signed_in: SignIn, trial: dict[str, str], said: str) -> None:
    client = signed_in(RoleName.EDITOR)
    status, page = try_out(client, open_form(client, EDIT), **trial)
    assert status == 422
    assert said in page


def test_a_stack_with_errors_is_not_run(live: Live, signed_in: SignIn) -> None:
    client = signed_in(RoleName.EDITOR)
    fields = [(n, "{" if n.endswith("-schema") else v) for n, v in open_form(client, EDIT)]
    status, page = try_out(client, fields)
    assert status == 422
    assert "can't run as it is" in html.unescape(page)


def test_a_captured_message_is_taken_with_what_may_be_shown(live: Live, signed_in: SignIn) -> None:
    sender = live.connect("77")
    live.send(sender, "join", "chat/a", {})
    live.send(sender, "message", "chat/a", {"text": "captured", "password": "hunter2"})
    record = str(next(live.realtime.tap.backwards()).id)
    client = signed_in(RoleName.EDITOR)
    fields = open_form(client, EDIT)
    status, page = try_out(client, fields, "take", message=record)
    assert status == 200
    assert "captured" in page
    assert "hunter2" not in page
    assert "77" in page
    edit = f"/w/default/channels/triggers/{EDIT}&message={record}"
    assert "captured" in client.get(edit).text
    assert f"trigger=calm&amp;message={record}" in client.get(RUNS).text
    status, page = try_out(client, fields, "take", message="1")
    assert status == 422
    assert "keeps no message with this id" in page


def test_a_message_that_a_trigger_changed_is_taken_as_it_was_sent(live: Live, signed_in: SignIn) -> None:
    """It was taken as it had come out, so that a test run changed it for a second time, or not at all."""
    sender = live.connect("77")
    live.send(sender, "join", "chat/a", {})
    live.send(sender, "message", "chat/a", {"text": "captured", "secret": "as it was sent"})
    record = next(live.realtime.tap.backwards())
    given = resending.before_triggers(live.workspace, record)
    assert given is not None
    assert given.payload == b'{"text": "captured", "secret": "as it was sent"}'
    said = signed_in(RoleName.EDITOR).get(f"/w/default/channels/triggers/{EDIT}&message={record.id}").text
    assert "captured" in said
    assert "\u2022\u2022\u2022" not in said  # what the trigger made of it


def test_without_a_server_nothing_is_run(signed_in: SignIn, office: Office) -> None:
    office.publish(rule("chat/*", "A M", triggers=[{"name": "calm", "steps": STEPS}]))
    client = signed_in(RoleName.EDITOR)
    assert try_out(client, open_form(client, EDIT))[0] == 503
