"""Whatever a real client is refused stands in the inspector within a second, with its rule, step and sentence.

The reference number that the client was told finds it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.dashboard import Dashboard
from tests.servers import Server, rule, serving
from tests.sockets.clients import Client, Connect, connecting
from webapp.core.codes import Code

pytestmark = pytest.mark.alone

RULES = (
    rule("chat/*", "A M P V"),
    rule("members", "M Ma"),
    rule("news", "A V Va"),
    rule("marked", "A X"),
    rule("kept", "A M", history=25),
)
NOT_YET = {
    Code.BLOCKED_BY_TRIGGER,
    Code.TRIGGER_FAILED,
    Code.BANNED,
    Code.MUTED,
    Code.BROKER_UNAVAILABLE,
}
"""Codes of triggers, moderation and several processes, which nothing can provoke yet."""
OF_REQUESTS = {Code.PRESENCE_OFF, Code.PRESENCE_NOT_REQUESTED, Code.HISTORY_OFF}
"""Codes that a decision can have and no client is ever told: what they are about is left out of the answer."""
NOWHERE = {Code.UNKNOWN_WORKSPACE}
"""Codes that concern no workspace, so that no workspace's inspector shows them."""


@dataclass
class Stage:
    """A server with a dashboard, and a way to connect."""

    server: Server
    dashboard: Dashboard
    connect: Connect

    def joined(self, *channels: str, token: str | None = None) -> Client:
        client = self.connect(token) if token is not None else self.connect()
        for channel in channels:
            assert client.join(channel)["action"] == "join"
        return client

    def refused(self, client: Client) -> str:
        """Read up to the next error and return its reference number."""
        while True:
            frame = client.next()
            if frame["action"] == "error":
                return str(frame["payload"]["ref"])


@contextmanager
def staged(**settings: object) -> Iterator[Stage]:
    with serving(**settings) as server, connecting(server) as connect:
        server.publish(*RULES)
        yield Stage(server, Dashboard(server), connect)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with staged(limit_messages_per_minute=0, limit_channels_per_client=3, limit_message_bytes=2000) as stage:
        yield stage


def no_rule(stage: Stage) -> str:
    client = stage.connect()
    client.send("join", "nowhere", {})
    return stage.refused(client)


def anonymous_not_allowed(stage: Stage) -> str:
    client = stage.connect()
    client.send("join", "members", {})
    return stage.refused(client)


def not_joined(stage: Stage) -> str:
    client = stage.connect()
    client.say("chat/a", 1)
    return stage.refused(client)


def public_messaging_off(stage: Stage) -> str:
    client = stage.joined("news")
    client.say("news", 1)
    return stage.refused(client)


def authentication_required(stage: Stage) -> str:
    client = stage.joined("marked")
    client.say("marked", 1, authenticated=True)
    return stage.refused(client)


def authenticated_messaging_off(stage: Stage) -> str:
    client = stage.joined("chat/a")
    client.say("chat/a", 1, authenticated=True)
    return stage.refused(client)


def private_messaging_off(stage: Stage) -> str:
    client = stage.joined("kept")
    client.whisper("kept", "somebody", 1)
    return stage.refused(client)


def target_not_present(stage: Stage) -> str:
    client = stage.joined("chat/a")
    client.whisper("chat/a", "nobody", 1)
    return stage.refused(client)


def grant_missing(stage: Stage) -> str:
    client = stage.connect(stage.server.token("ada", grants={"resources": {"channels": {"chat/a": ["write"]}}}))
    client.send("join", "chat/a", {})
    return stage.refused(client)


def channel_not_authorized(stage: Stage) -> str:
    client = stage.connect(stage.server.token("ada", authorized_channels=["elsewhere"]))
    client.send("join", "chat/a", {})
    return stage.refused(client)


def too_many_channels(stage: Stage) -> str:
    client = stage.joined("chat/1", "chat/2", "chat/3")
    client.send("join", "chat/4", {})
    return stage.refused(client)


def invalid_channel(stage: Stage) -> str:
    client = stage.connect()
    client.send("join", "x" * 300, {})
    return stage.refused(client)


def invalid_frame(stage: Stage) -> str:
    client = stage.connect()
    client.text("no JSON")
    return stage.refused(client)


def message_too_large(stage: Stage) -> str:
    client = stage.joined("chat/a")
    client.say("chat/a", "x" * 3000)
    return stage.refused(client)


def token_invalid(stage: Stage) -> str:
    return stage.refused(stage.connect(stage.server.token("ada", key="x" * 40)))


def token_expired(stage: Stage) -> str:
    return stage.refused(stage.connect(stage.server.token("ada", ttl=-5)))


def token_revoked(stage: Stage) -> str:
    minted = stage.server.call("mint", sub="ada")
    client = stage.joined("chat/a", token=minted["token"])
    stage.server.call("revoke", jti=minted["jti"])
    return stage.refused(client)


def workspace_disabled(stage: Stage) -> str:
    stage.server.publish(*RULES, enabled=False)
    try:
        client = stage.connect()
        client.send("join", "chat/a", {})
        return stage.refused(client)
    finally:
        stage.server.publish(*RULES)


def origin_not_allowed(stage: Stage) -> str:
    stage.server.call("origins", allowed=["https://app.example.com"])
    try:
        return stage.refused(stage.connect(origin="https://evil.example.com"))
    finally:
        stage.server.call("origins", allowed=[])


def kicked(stage: Stage) -> str:
    client = stage.joined("chat/a", token=stage.server.token("kicked"))
    (mine,) = [c["socket_id"] for c in stage.server.call("clients") if c["user_id"] == "kicked"]
    assert stage.server.call("kick", socket_id=mine)
    ref = stage.refused(client)
    assert client.closed() == 4401
    return ref


def blocked(stage: Stage) -> str:
    client = stage.joined("chat/a", token=stage.server.token("mallory"))
    block = stage.server.call("block", subject="user", value="mallory")
    try:
        stage.refused(client)
        again = stage.connect(stage.server.token("mallory"))
        ref = stage.refused(again)
        assert again.closed() == 4401
        return ref
    finally:
        stage.server.call("unblock", block_id=block)


PROVOKED: tuple[Callable[[Stage], str], ...] = (
    no_rule,
    anonymous_not_allowed,
    not_joined,
    public_messaging_off,
    authentication_required,
    authenticated_messaging_off,
    private_messaging_off,
    target_not_present,
    grant_missing,
    channel_not_authorized,
    too_many_channels,
    invalid_channel,
    invalid_frame,
    message_too_large,
    token_invalid,
    token_expired,
    token_revoked,
    workspace_disabled,
    origin_not_allowed,
    kicked,
    blocked,
)
ELSEWHERE = {
    Code.RATE_LIMITED,
    Code.TOO_MANY_CONNECTIONS,
    Code.SLOW_CLIENT,
    Code.PING_TIMEOUT,
    Code.STORAGE_UNAVAILABLE,
    Code.INTERNAL_ERROR,
}
"""Codes that need a server of their own, below."""


def shown(stage: Stage, code: Code, ref: str | None, provoked_at: float) -> None:
    """Hold that the inspector shows it in time, with all that explains it."""
    with stage.dashboard.watch(code=code.value) as watcher:
        line = watcher.until(lambda line: ref is None or line["id"] == ref)
        assert time.monotonic() - provoked_at < 1.0
    assert (line["code"], line["verdict"]) == (code.value, "denied")
    told = stage.dashboard.look(line["id"])
    assert code.value in told
    assert line["id"] in told
    decided = "rule" in line or code in (Code.NO_RULE, Code.NOT_JOINED, Code.WORKSPACE_DISABLED, Code.INVALID_CHANNEL)
    if code is Code.BLOCKED:
        assert "is blocked until" in told
    else:
        assert decided == ("granted" in told or "off" in told.split() or "blocked" in told.split())
    status, page = stage.dashboard.get(f"/w/default/inspector?selected={line['id']}")
    assert status == 200
    assert f"<code>{line['id']}</code>" in page


@pytest.mark.parametrize("provoke", PROVOKED, ids=lambda provoke: provoke.__name__)
def test_a_refusal_is_in_the_inspector_at_once(stage: Stage, provoke: Callable[[Stage], str]) -> None:
    ref = provoke(stage)
    shown(stage, Code(provoke.__name__), ref, time.monotonic())


def test_a_live_reader_is_told_within_a_second(stage: Stage) -> None:
    with stage.dashboard.watch(verdict="denied") as watcher:
        began = time.monotonic()
        ref = public_messaging_off(stage)
        line = watcher.until(lambda line: line["id"] == ref)
        assert time.monotonic() - began < 1.0
        assert (line["rule"], line["channel"], line["action"]) == ("news", "news", "message")


def test_too_many_messages() -> None:
    with staged(limit_messages_per_minute=5) as stage:
        client = stage.joined("chat/a")
        for number in range(10):
            client.say("chat/a", number)
        shown(stage, Code.RATE_LIMITED, stage.refused(client), time.monotonic())


def test_too_many_connections() -> None:
    with staged(limit_clients=1) as stage:
        stage.joined("chat/a")
        shown(stage, Code.TOO_MANY_CONNECTIONS, stage.refused(stage.connect()), time.monotonic())


def test_a_client_that_reads_too_slowly() -> None:
    with staged(limit_outbox_bytes=64 * 1024, limit_messages_per_minute=0) as stage:
        slow, sender = stage.connect(receive_buffer=4096), stage.joined("chat/a")
        slow.join("chat/a")
        with stage.dashboard.watch(code="slow_client") as watcher:
            while not watcher.lines:
                for _ in range(20):
                    sender.say("chat/a", "x" * 60_000)
                sender.sync()
                try:
                    watcher.read(0.3)
                except TimeoutError:
                    continue
            shown(stage, Code.SLOW_CLIENT, watcher.lines[0]["id"], time.monotonic())
        with stage.dashboard.watch(action="close") as watcher:
            assert "slow_client" in watcher.until(lambda line: True)["what"]


def test_a_client_that_answers_no_ping() -> None:
    with staged(ping_interval=0.3, ping_timeout=0.3) as stage:
        client = stage.joined("chat/a")
        client.answers_pings = False
        client.closed()
        shown(stage, Code.PING_TIMEOUT, None, time.monotonic())


def test_a_store_that_fails_and_a_fault() -> None:
    with staged() as stage:
        client = stage.joined("kept")
        stage.server.call("break_storage")
        client.say("kept", "can't be kept")
        shown(stage, Code.STORAGE_UNAVAILABLE, stage.refused(client), time.monotonic())
        stage.server.call("break_channels")
        client.send("join", "chat/a", {})
        shown_fault = stage.refused(client)
        stage.server.call("mend_channels")
        shown(stage, Code.INTERNAL_ERROR, shown_fault, time.monotonic())


def test_no_code_is_forgotten() -> None:
    provoked = {Code(provoke.__name__) for provoke in PROVOKED}
    assert provoked | ELSEWHERE | NOT_YET | OF_REQUESTS | NOWHERE == set(Code)
