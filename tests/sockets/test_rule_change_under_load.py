"""A right taken away while messages pour in: nothing forbidden is delivered once the publishing has returned."""

import contextlib
import threading
import time
from collections.abc import Callable

import pytest

from tests.servers import Server, rule
from tests.sockets.clients import Client, Closed, Connect

FLIPS = 12
GUESTS = 5
THE_END = "the end"


class Sender(threading.Thread):
    """Sends as fast as it is answered, each message with the moment of its sending; joins again when it may."""

    def __init__(self, client: Client, name: str) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.sender = name
        self.stopping = False
        self.sent = 0

    def run(self) -> None:
        self.client.send("join", "a")
        with contextlib.suppress(Closed):
            while not self.stopping:
                self.sent += 1
                self.client.say("a", {"by": self.sender, "n": self.sent, "at": time.monotonic()})
                self._wait_for_answer()

    def _wait_for_answer(self) -> None:
        while True:
            frame = self.client.next()
            payload = frame["payload"]
            if frame["action"] == "message" and payload["by"] == self.sender and payload["n"] == self.sent:
                return
            if frame["action"] == "error" and payload["code"] == "not_joined":
                self.client.send("join", "a")
                return
            # Taken out, or not let in: that alone is no answer to the message, unless the rules refuse it in place.
            if frame["action"] == "error" and payload["code"] not in ("anonymous_not_allowed",):
                return


class Watcher(threading.Thread):
    """Notes when what arrived, up to a message by ``THE_END``.

    It was told by a flag, and then waited in vain for one more message where it had already seen the last.
    """

    def __init__(self, client: Client) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.seen: list[tuple[float, str, float]] = []

    def run(self) -> None:
        self.client.join("a")
        with contextlib.suppress(Closed):
            while (payload := self.client.take("message")["payload"])["by"] != THE_END:
                self.seen.append((time.monotonic(), payload["by"], payload["at"]))


@pytest.mark.parametrize("history", [0, 100])
def test_not_one_forbidden_delivery(server: Server, connect: Connect, history: int) -> None:
    def publish(letters: str) -> None:
        # Other rules and versions, so that the sweep has something to do.
        server.publish(rule("a", letters, history=history), *(rule(f"other/{n}", "A M") for n in range(200)))

    publish("A M")
    senders = [Sender(connect(server.token(f"user {n}")), f"user {n}") for n in range(2)]
    anonymous = [Sender(connect(), f"guest {n}") for n in range(2)]
    watcher = Watcher(connect(server.token("watcher")))
    guests = [connect() for _ in range(GUESTS)]
    threads = [watcher, *senders, *anonymous]
    for thread in threads:
        thread.start()
    closed: list[tuple[float, float]] = []
    try:
        for _ in range(FLIPS):
            for guest in guests:
                guest.send("join", "a")
                assert guest.take("join")
            _hear(guests, lambda payload: payload["by"].startswith("guest"))
            _hear(guests, lambda payload: payload["by"].startswith("user"))
            publish("M Ma")
            taken_away = time.monotonic()
            _hear_nothing_more(guests, taken_away, senders)
            closed.append((taken_away, time.monotonic()))
            publish("A M")
    finally:
        for thread in [*senders, *anonymous]:
            thread.stopping = True
        for thread in [*senders, *anonymous]:
            thread.join(20)
        senders[0].client.say("a", {"by": THE_END})
        watcher.join(20)
    assert not any(thread.is_alive() for thread in threads)
    forbidden = [
        (by, sent, arrived)
        for arrived, by, sent in watcher.seen
        for begin, end in closed
        if by.startswith("guest") and sent > begin and arrived < end
    ]
    assert forbidden == []
    during = [by for arrived, by, sent in watcher.seen for begin, end in closed if begin < sent and arrived < end]
    assert len(during) > FLIPS  # those who may kept talking all the while


def _hear(guests: list[Client], wanted: Callable[[dict[str, str]], bool]) -> None:
    for guest in guests:
        while not wanted(guest.take("message")["payload"]):
            pass


def _hear_nothing_more(guests: list[Client], taken_away: float, senders: list[Sender]) -> None:
    """After the error that tells a guest, no message follows, while the senders go on."""
    before = [sender.sent for sender in senders]
    while any(sender.sent < count + 10 for sender, count in zip(senders, before)):
        time.sleep(0.001)
    for guest in guests:
        frames = guest.sync()
        actions = [frame["action"] for frame in frames]
        assert actions.count("error") == 1
        assert actions[-1] == "error"
        assert frames[-1]["payload"]["code"] == "anonymous_not_allowed"
        late = [f["payload"] for f in frames if f["action"] == "message" and f["payload"]["at"] > taken_away]
        assert late == []


def test_private_and_authenticated_messages_too(server: Server, connect: Connect) -> None:
    """The same for the other kinds: the sender loses the right, and both ends stay in the channel."""
    server.publish(rule("a", "A P X V"))
    ann, bob = connect(server.token("ann")), connect(server.token("bob"))
    ids = []
    for client in (ann, bob):
        client.join("a", presence=True)
        ids.append(client.take("presence_full")["payload"]["presence"][-1]["socketId"])
    ann.sync()
    for _ in range(FLIPS):
        for number in range(40):
            ann.whisper("a", ids[1], [number, time.monotonic()])
            ann.say("a", [number, time.monotonic()], authenticated=True)
        server.publish(rule("a", "A P"))
        taken_away = time.monotonic()
        for number in range(40):
            ann.whisper("a", ids[1], [number, time.monotonic()])
            ann.say("a", [number, time.monotonic()], authenticated=True)
        own, theirs = ann.sync(), bob.sync()
        assert [f for f in own + theirs if f["action"] == "message" and f["payload"][1] > taken_away] == []
        assert len([f for f in own if f["action"] == "error"]) >= 80
        assert {f["payload"]["code"] for f in own if f["action"] == "error"} == {
            "private_messaging_off",
            "authenticated_messaging_off",
        }
        server.publish(rule("a", "A P X V"))
        ann.whisper("a", ids[1], ["again", 0])
        assert bob.take("message")["payload"] == ["again", 0]
        ann.sync()
