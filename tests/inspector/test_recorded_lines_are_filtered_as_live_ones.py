"""A filter takes the same of a recording as it took of the traffic itself."""

from pathlib import Path

import pytest

from tests.servers import rule
from tests.sockets.live import Live
from webapp.core.codes import Code
from webapp.core.documents import parse_document
from webapp.inspector import playback
from webapp.inspector.capture import Capture
from webapp.inspector.filters import Action, Filter, Verdict
from webapp.inspector.lines import Scribe
from webapp.realtime.workspace import WorkspaceConfig

from .recording import recording

Told = tuple[Live, Path, list[str]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Traffic of every kind, its recording, and the sockets that took part."""
    live = Live()
    channels = [rule("chat/*", "A M P V"), rule("quiet", "A"), rule("chat/x/*", "M Ma X")]
    live.publish(parse_document({"channels": channels}).rules)
    rules = live.workspace.rules
    live.realtime.apply(WorkspaceConfig(1, "default", rules, generation=99, capture=Capture(until=4e9)))
    path = tmp_path_factory.mktemp("recording") / "r"
    with recording(live, path) as recorded:
        ada, guest, bob = live.connect("ada"), live.connect(None), live.connect("bob")
        for client in (ada, guest, bob):
            for channel in ("chat/a", "quiet", "chat/x/y"):
                live.send(client, "join", channel, {})
        for client, to in ((ada, guest), (guest, bob), (bob, ada)):
            live.send(client, "message", "chat/a", {"text": "Hello World"})
            live.send(client, "message", "chat/a", {"text": "psst"}, socketId=to.id)
            live.send(client, "message", "chat/a", {"text": "HELLO", "password": "hello"}, socketId="nobody")
            live.send(client, "message", "quiet", {"text": "hello, denied"})
            live.send(client, "message", "chat/x/y", {"text": "x" * 70_000 + "hello"}, authenticated=True)
            live.send(client, "history", "nowhere")
            live.send(client, "nonsense", "chat/a")
        live.realtime.publish_event("default", "empty", b'{"breaking": "world"}')
        live.realtime.publish_event("default", "chat/a", '"to one ß"'.encode(), target_socket=guest.id)
        live.realtime.publish_event("default", "chat/a", b'"to a user"', target_user="bob")
        live.send(guest, "leave", "chat/a")
        live.disconnect(ada)
        recorded.recorder.read()
    assert recorded.recorder.missed == 0
    return live, path, [ada.id, guest.id, bob.id, "nobody", "gone"]


def filters() -> list[Filter]:
    names = ("", "chat/a", "chat/*", "chat/*/y", "*", "quiet", "nowhere", "empty")
    made = [Filter(channel=name) for name in names]
    made += [Filter(user=name) for name in ("ada", "bob", "eve")]
    made += [Filter(verdict=verdict) for verdict in Verdict] + [Filter(action=action) for action in Action]
    made += [Filter(code=code) for code in Code]
    made += [
        Filter(text=text) for text in ("hello", "HELLO", "one ß", "ONE SS", "password", "redacted", "nothing", "to ")
    ]
    made += [Filter(channel="chat/*", verdict=Verdict.DENIED, text="hello"), Filter(user="ada", action=Action.MESSAGE)]
    return made


@pytest.mark.parametrize("wanted", filters(), ids=lambda wanted: repr(wanted.arguments()))
def test_both_take_the_same(told: Told, wanted: Filter) -> None:
    live, path, _ = told
    assert recorded_ids(path, wanted) == live_ids(live, wanted)


def test_both_take_the_same_of_a_client(told: Told) -> None:
    live, path, sockets = told
    for socket in sockets:
        wanted = Filter(client=socket)
        taken = live_ids(live, wanted)
        assert recorded_ids(path, wanted) == taken
        assert bool(taken) is (socket != "gone")


def test_the_traffic_holds_something_for_each(told: Told) -> None:
    live, _, _ = told
    empty = [f for f in filters() if f.code is None and not live_ids(live, f)]
    assert [f.arguments() for f in empty] == [{"user": "eve"}, {"action": "connect"}, {"text": "nothing"}]


def live_ids(live: Live, wanted: Filter) -> list[str]:
    scribe = Scribe(live.workspace, sees_payloads=True)
    matcher = wanted.matcher()
    return [str(record.id) for record in live.realtime.tap.since(0) if scribe.takes(record, matcher)]


def recorded_ids(path: Path, wanted: Filter) -> list[str]:
    with path.open("rb") as file:
        return [found.line.id for found in playback.page_from(file, 0, wanted, 10_000).found]
