"""The inspector's filter: read from an address, and held against all that is kept."""

import pytest

from tests.servers import rule
from tests.sockets.live import Live
from webapp.core.codes import Code
from webapp.core.documents import parse_document
from webapp.inspector.capture import Capture
from webapp.inspector.filters import Action, Filter, FilterError, Verdict, read_filter
from webapp.inspector.lines import Scribe
from webapp.realtime.workspace import WorkspaceConfig


@pytest.fixture
def live() -> Live:
    """A workspace in which something of every kind has passed."""
    live = Live()
    live.publish(parse_document({"channels": [rule("chat/*", "A M P V"), rule("quiet", "A")]}).rules)
    rules = live.workspace.rules
    live.realtime.apply(WorkspaceConfig(1, "default", rules, generation=99, capture=Capture(until=4e9)))
    ada, guest = live.connect("ada"), live.connect(None)
    for client in (ada, guest):
        live.send(client, "join", "chat/a", {})
    live.send(ada, "join", "quiet", {})
    live.send(ada, "message", "chat/a", {"text": "Hello World"})
    live.send(ada, "message", "chat/a", {"text": "psst"}, socketId=guest.id)
    live.send(guest, "message", "chat/a", {"text": "hi"})
    live.send(ada, "message", "quiet", {"text": "hello, denied"})
    live.send(guest, "history", "nowhere")
    live.send(guest, "join", "nowhere", {})
    live.realtime.publish_event("default", "empty", b'{"breaking": "world"}')
    live.send(guest, "leave", "chat/a")
    return live


def taken(live: Live, **arguments: str) -> list[str]:
    """What a filter takes, in words."""
    scribe = Scribe(live.workspace, sees_payloads=True)
    matcher = read_filter(arguments).matcher()
    lines = [scribe.line(record) for record in live.realtime.tap.since(0) if scribe.takes(record, matcher)]
    return [f"{line.action} {line.channel} {line.user or 'anonymous'} {line.code or line.verdict}" for line in lines]


ALL = [
    "join chat/a ada allowed",
    "join chat/a anonymous allowed",
    "join quiet ada allowed",
    "message chat/a ada allowed",
    "message chat/a ada allowed",
    "message chat/a anonymous allowed",
    "message quiet ada public_messaging_off",
    "history nowhere anonymous no_rule",
    "join nowhere anonymous no_rule",
    "event empty anonymous silent",
    "leave chat/a anonymous allowed",
]


def test_without_a_filter_all_is_taken(live: Live) -> None:
    assert taken(live) == ALL


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"channel": "chat/a"}, [ALL[0], ALL[1], ALL[3], ALL[4], ALL[5], ALL[10]]),
        ({"channel": "chat/*"}, [ALL[0], ALL[1], ALL[3], ALL[4], ALL[5], ALL[10]]),
        ({"channel": "chat"}, []),
        ({"user": "ada"}, [ALL[0], ALL[2], ALL[3], ALL[4], ALL[6]]),
        ({"verdict": "denied"}, ALL[6:9]),
        ({"verdict": "silent"}, [ALL[9]]),
        ({"code": "no_rule"}, ALL[7:9]),
        ({"action": "join"}, [ALL[0], ALL[1], ALL[2], ALL[8]]),
        ({"action": "event"}, [ALL[9]]),
        ({"action": "join", "verdict": "denied"}, [ALL[8]]),
        ({"text": "WORLD"}, [ALL[3], ALL[9]]),
        ({"text": "hello", "verdict": "denied"}, [ALL[6]]),
    ],
    ids=str,
)
def test_each_part_narrows(live: Live, arguments: dict[str, str], expected: list[str]) -> None:
    assert taken(live, **arguments) == expected


def test_a_private_message_belongs_to_both_ends(live: Live) -> None:
    private = next(r for r in live.realtime.tap.kept.records if r.message.target_id is not None)
    target = private.message.target_id
    assert target is not None
    assert taken(live, client=target, action="message") == ["message chat/a ada allowed", ALL[5]]


def test_who_sees_no_payloads_finds_nothing_by_their_text(live: Live) -> None:
    scribe = Scribe(live.workspace, sees_payloads=False)
    matcher = read_filter({"text": "hello"}).matcher()
    assert not any(scribe.takes(record, matcher) for record in live.realtime.tap.since(0))


def test_redacted_values_are_not_searched(live: Live) -> None:
    ada = live.connect("ada")
    live.send(ada, "join", "chat/a", {})
    live.send(ada, "message", "chat/a", {"password": "hunter2"})
    assert taken(live, text="hunter2") == []
    assert taken(live, text="password") == ["message chat/a ada allowed"]


def test_another_workspace_is_never_taken(live: Live) -> None:
    live.realtime.apply(WorkspaceConfig(2, "other"))
    scribe = Scribe(live.realtime.workspaces["other"], sees_payloads=True)
    assert not any(scribe.takes(record, Filter().matcher()) for record in live.realtime.tap.since(0))


def test_a_filter_is_written_as_it_is_read() -> None:
    arguments = {"channel": "a/*", "client": "c", "user": "u", "verdict": "denied", "code": "muted", "action": "join"}
    wanted = read_filter(arguments | {"text": "t", "selected": "7"})
    assert wanted == Filter("a/*", "c", "u", Verdict.DENIED, Code.MUTED, Action.JOIN, "t")
    assert wanted.arguments() == arguments | {"text": "t"}
    assert Filter().is_empty
    assert not wanted.is_empty


@pytest.mark.parametrize(
    ("field", "value"), [("verdict", "maybe"), ("code", "x"), ("action", "fly"), ("channel", "a*"), ("channel", "\x00")]
)
def test_what_can_not_be_read_is_named(field: str, value: str) -> None:
    with pytest.raises(FilterError) as caught:
        read_filter({field: value})
    assert caught.value.field == field
