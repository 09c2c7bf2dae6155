"""Every combination of boxes through the face of Phoenix, beside Xano's: who joins, sends, receives and sees what.

Of the four clients one of each kind speaks Phoenix; the anonymous one the older version of it.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.core.permission_table import AUDIENCE
from tests.servers import Server, rule, serving
from tests.sockets.clients import Client, Json, settle
from tests.sockets.phoenix import Phoenix
from tests.sockets.test_permission_table import ACTORS, COMBINATIONS, RECEIVE, by_channel, joined, may

PHOENIX = {"anonymous 1": "1.0.0", "authenticated 1": "2.0.0"}
OTHERS = [actor for actor in ACTORS if actor not in PHOENIX]
EVENT = {False: "message", True: "auth_message"}


class Stage(NamedTuple):
    """The clients that have tried to join every channel, what came of it, and their socketIds."""

    server: Server
    clients: dict[str, Any]
    answers: dict[str, dict[str, Json]]
    joining: dict[str, list[Json]]
    ids: dict[str, str]

    @property
    def phoenix(self) -> dict[str, Phoenix]:
        return {actor: self.clients[actor] for actor in PHOENIX}


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with serving(limit_messages_per_minute=0, limit_channels_per_client=1000) as server:
        rules = (rule(n, " ".join(letters), history=100, history_events=True) for n, letters in COMBINATIONS.items())
        server.publish(rule("lobby", "A P"), *rules)
        clients: dict[str, Any] = {}
        ids: dict[str, str] = {}
        answers: dict[str, dict[str, Json]] = defaultdict(dict)
        joining: dict[str, list[Json]] = {}
        for actor, known in ACTORS.items():
            token = server.token(actor) if known else None
            if actor in PHOENIX:
                client = clients[actor] = Phoenix(server, token, PHOENIX[actor])
                assert client.join_topic("lobby") == {"status": "ok", "response": {}}
                ids[actor] = list(client.event("lobby", "presence_state"))[-1]
            else:
                other = clients[actor] = Client(server, token)
                other.join("lobby", presence=True)
                ids[actor] = other.take("presence_full")["payload"]["presence"][-1]["socketId"]
        for client in clients.values():
            client.sync()
        for actor, client in clients.items():
            for channel in COMBINATIONS:
                if actor in PHOENIX:
                    answers[actor][channel] = client.join_topic(channel, {"history": True})
                else:
                    client.send("join", channel, {"history": True, "presence": True})
            joining[actor] = client.sync()
        for actor, late in zip(clients, settle(*clients.values())):
            joining[actor] += late
        yield Stage(server, clients, answers, joining, ids)
        for client in clients.values():
            client.end()


def by_topic(frames: list[Json], *events: str) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = defaultdict(list)
    for frame in frames:
        if frame["event"] in events:
            found[frame["topic"]].append(frame)
    return found


def answer_to(frames: list[Json], ref: str) -> Json:
    """Return the payload of the one reply with this ref."""
    (answer,) = (f["payload"] for f in frames if f["event"] == "phx_reply" and f["ref"] == ref)
    return dict(answer)


@pytest.mark.parametrize("actor", PHOENIX)
def test_joining(stage: Stage, actor: str) -> None:
    for channel, letters in COMBINATIONS.items():
        answer = stage.answers[actor][channel]
        if may(letters, actor, "join"):
            assert answer == {"status": "ok", "response": {}}, channel
        else:
            assert answer["status"] == "error"
            assert answer["response"]["reason"] == "Anonymous clients cannot join this channel."
            assert answer["response"]["code"] == "anonymous_not_allowed"
            assert stage.server.call("explain", ref=answer["response"]["ref"])[-1].startswith(
                "*Anonymous clients* is off"
            )


@pytest.mark.parametrize("actor", PHOENIX)
def test_presence(stage: Stage, actor: str) -> None:
    states = by_topic(stage.joining[actor], "presence_state")
    diffs = by_topic(stage.joining[actor], "presence_diff")
    order = list(ACTORS)
    for channel, letters in COMBINATIONS.items():
        sees = may(letters, actor, "join") and may(letters, actor, "sees_presence")
        listed = [other for other in joined(letters) if may(letters, other, "in_presence")]
        before = [stage.ids[other] for other in listed if order.index(other) <= order.index(actor)]
        after = [stage.ids[other] for other in listed if order.index(other) > order.index(actor)]
        assert [list(frame["payload"]) for frame in states[channel]] == ([before] if sees else []), (channel, actor)
        told = [(list(frame["payload"]["joins"]), frame["payload"]["leaves"]) for frame in diffs[channel]]
        assert told == ([([other], {}) for other in after] if sees else []), (channel, actor)


@pytest.mark.parametrize("actor", OTHERS)
def test_who_speaks_phoenix_is_in_the_presence_of_others(stage: Stage, actor: str) -> None:
    lists = by_channel([f for f in stage.joining[actor] if "action" in f], "presence_full")
    order = list(ACTORS)
    for channel, letters in COMBINATIONS.items():
        sees = may(letters, actor, "join") and may(letters, actor, "sees_presence")
        listed = [o for o in joined(letters) if may(letters, o, "in_presence") and order.index(o) <= order.index(actor)]
        seen = [[c["socketId"] for c in frame["payload"]["presence"]] for frame in lists[channel]]
        assert seen == ([[stage.ids[other] for other in listed]] if sees else []), (channel, actor)


@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("sender", ACTORS)
def test_messages_to_the_channel(stage: Stage, sender: str, marked: bool) -> None:
    label = f"{sender} {marked}"
    refs = {}
    for channel in COMBINATIONS:
        if sender in PHOENIX:
            refs[channel] = stage.phoenix[sender].push(channel, EVENT[marked], {"label": label})
        else:
            stage.clients[sender].say(channel, {"label": label}, authenticated=marked)
    received = dict(zip(stage.clients, settle(*stage.clients.values())))
    for channel, letters in COMBINATIONS.items():
        audience = AUDIENCE[letters, ACTORS[sender], marked] if may(letters, sender, "join") else None
        if sender in PHOENIX:
            answer = answer_to(received[sender], refs[channel])
            assert answer["status"] == ("ok" if audience is not None else "error"), channel
        for actor, frames in received.items():
            hears = audience is not None and may(letters, actor, "join") and may(letters, actor, RECEIVE[audience])
            if actor in PHOENIX:
                got = [(f["event"], f["payload"]) for f in by_topic(frames, *EVENT.values())[channel]]
                expected: Any = (EVENT[audience == "authenticated"], {"label": label})
            else:
                messages = by_channel(frames, "message")[channel]
                got = [(f["payload"], f["client"]["socketId"]) for f in messages]
                expected = ({"label": label}, stage.ids[sender])
            assert got == ([expected] if hears else []), (channel, actor)


@pytest.mark.parametrize("recipient", ACTORS)
@pytest.mark.parametrize("sender", PHOENIX)
def test_private_messages_to_a_client(stage: Stage, sender: str, recipient: str) -> None:
    payload = {"target_client_id": stage.ids[recipient], "text": f"{sender} to {recipient}"}
    client = stage.phoenix[sender]
    refs = {channel: client.push(channel, "private_message", payload) for channel in COMBINATIONS}
    received = dict(zip(stage.clients, settle(*stage.clients.values())))
    for channel, letters in COMBINATIONS.items():
        allowed = (
            may(letters, sender, "join")
            and may(letters, recipient, "join")
            and may(letters, sender, "send_private")
            and may(letters, recipient, "receive_private")
        )
        answer = answer_to(received[sender], refs[channel])
        assert answer["status"] == ("ok" if allowed else "error"), channel
        for actor, frames in received.items():
            if actor in PHOENIX:
                got = [f["payload"] for f in by_topic(frames, "private_message")[channel]]
            else:
                got = [f["payload"] for f in by_channel(frames, "message")[channel]]
            assert got == ([payload] if allowed and actor in (sender, recipient) else []), (channel, actor)


@pytest.mark.parametrize("recipient", [*ACTORS, "nobody"])
@pytest.mark.parametrize("sender", PHOENIX)
def test_secure_private_messages_to_a_user(stage: Stage, sender: str, recipient: str) -> None:
    payload = {"target_user_id": recipient, "text": f"{sender} to {recipient}"}
    client = stage.phoenix[sender]
    refs = {channel: client.push(channel, "secure_private_message", payload) for channel in COMBINATIONS}
    received = dict(zip(stage.clients, settle(*stage.clients.values())))
    for channel, letters in COMBINATIONS.items():
        # Whether the user is there, or is one at all, makes no difference to the sender.
        allowed = ACTORS[sender] and may(letters, sender, "join") and may(letters, sender, "send_private")
        answer = answer_to(received[sender], refs[channel])
        assert answer["status"] == ("ok" if allowed else "error"), channel
        for actor, frames in received.items():
            if actor in PHOENIX:
                got = [f["payload"] for f in by_topic(frames, "secure_private_message")[channel]]
            else:
                got = [f["payload"] for f in by_channel(frames, "message")[channel]]
            hears = allowed and (actor == sender or (actor == recipient and ACTORS[actor]))
            assert got == ([payload] if hears else []), (channel, actor)


def test_events_of_the_server(stage: Stage) -> None:
    for channel in COMBINATIONS:
        stage.server.call("event", channel=channel, data={"of": channel})
    received = dict(zip(stage.clients, settle(*stage.clients.values())))
    for channel, letters in COMBINATIONS.items():
        hearing = [actor for actor in joined(letters) if may(letters, actor, "receive_event")]
        for actor in PHOENIX:
            got = [frame["payload"] for frame in by_topic(received[actor], "event")[channel]]
            assert got == ([{"of": channel}] if actor in hearing else []), (channel, actor)


@pytest.mark.parametrize("actor", PHOENIX)
def test_history_is_what_one_could_have_received(stage: Stage, actor: str) -> None:
    for name in ("anonymous 2", "authenticated 2"):
        for channel in COMBINATIONS:
            for marked in (False, True):
                label = {"round": actor, "text": f"{name} {marked}"}
                stage.clients[name].say(channel, label, authenticated=marked)
        settle(*stage.clients.values())
    for channel, letters in COMBINATIONS.items():
        answer = stage.phoenix[actor].ask(channel, "history")
        if not may(letters, actor, "join"):
            assert answer["response"]["reason"] == "unmatched topic"
            continue
        expected = []
        if may(letters, actor, "read_history"):
            for name in ("anonymous 2", "authenticated 2"):
                for marked in (False, True):
                    audience = AUDIENCE[letters, ACTORS[name], marked] if may(letters, name, "join") else None
                    if audience is not None and may(letters, actor, RECEIVE[audience]):
                        expected.append((EVENT[audience == "authenticated"], f"{name} {marked}", stage.ids[name]))
        ours = [m for m in answer["response"]["messages"] if m["payload"].get("round") == actor]
        assert [(m["event"], m["payload"]["text"], m["client"]["socketId"]) for m in ours] == expected, channel
