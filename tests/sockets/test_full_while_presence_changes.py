"""A client whose socket fills up in the same turn in which others come and go: its stream stays whole."""

import pytest

from tests.servers import rule, serving
from tests.sockets.clients import connecting

ROUNDS_MOST = 200


@pytest.mark.parametrize("tls", [False, True])
def test_nothing_is_lost_or_cut(tls: bool) -> None:
    """Presence frames went past the outbox of a client that had just become full, and half a frame was lost."""
    settings = {"limit_outbox_bytes": 64 * 1024 * 1024, "limit_messages_per_minute": 0, "ping_timeout": 600}
    with serving(tls=tls, **settings) as server, connecting(server) as connect:
        server.publish(rule("c", "A M P"))
        slow = connect(receive_buffer=4096)
        slow.join("c", presence=True)
        talker, watcher = connect(), connect()
        talker.join("c")
        watcher.join("c", presence=True)
        fill = "x" * 60_000
        rounds = 0
        while rounds < ROUNDS_MOST and max(client["queued"] for client in server.call("clients")) < 200_000:
            talker.say("c", {"round": rounds, "fill": fill})
            talker.send("leave", "c")
            talker.send("join", "c", {"presence": True})
            talker.sync()
            rounds += 1
        assert rounds < ROUNDS_MOST, "the socket never filled up"
        seen: list[int] = []
        while len(seen) < rounds:
            received = slow.next()
            if received["action"] == "message":
                seen.append(received["payload"]["round"])
        assert seen == list(range(rounds))
