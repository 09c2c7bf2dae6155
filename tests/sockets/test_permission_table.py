"""Every combination of boxes, through real sockets: who joins, sends, receives, sees and reads what."""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.core.permission_table import ALL_LETTERS, AUDIENCE, EXPECTED, LETTERS, Letters
from tests.servers import Server, rule, serving
from tests.sockets.clients import Client, Json, connecting, settle

COMBINATIONS = {f"t/{'-'.join(letters) or 'none'}": frozenset(letters) for letters in map(sorted, ALL_LETTERS)}
ACTORS = {"anonymous 1": False, "anonymous 2": False, "authenticated 1": True, "authenticated 2": True}
RECEIVE = {"public": "receive_public", "authenticated": "receive_authenticated"}


class Stage(NamedTuple):
    """Two anonymous and two authenticated clients that have tried to join every channel, asking for everything."""

    server: Server
    clients: dict[str, Client]
    joining: dict[str, list[Json]]
    ids: dict[str, str]


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    assert len(COMBINATIONS) == 2 ** len(LETTERS)
    with (
        serving(limit_messages_per_minute=0, limit_channels_per_client=1000) as server,
        connecting(server) as connect,
    ):
        server.publish(
            rule("lobby", "A P"),
            *(
                rule(name, " ".join(letters), history=100, history_events=True)
                for name, letters in COMBINATIONS.items()
            ),
        )
        clients = {name: connect(server.token(name) if known else None) for name, known in ACTORS.items()}
        ids, joining = {}, {}
        for name, client in clients.items():
            client.join("lobby", presence=True)
            ids[name] = client.take("presence_full")["payload"]["presence"][-1]["socketId"]
            client.sync()
        for name, client in clients.items():
            for channel in COMBINATIONS:
                client.send("join", channel, {"history": True, "presence": True})
            joining[name] = client.sync()
        for name, late in zip(clients, settle(*clients.values())):
            joining[name] += late
        yield Stage(server, clients, joining, ids)


def may(letters: Letters, actor: str, operation: str) -> bool:
    return EXPECTED[letters, ACTORS[actor], operation]


def joined(letters: Letters) -> list[str]:
    return [actor for actor in ACTORS if may(letters, actor, "join")]


def by_channel(frames: list[Json], *actions: str) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = defaultdict(list)
    for frame in frames:
        if frame["action"] in actions:
            found[frame["options"]["channel"]].append(frame)
    return found


@pytest.mark.parametrize("actor", ACTORS)
def test_joining(stage: Stage, actor: str) -> None:
    answers = by_channel(stage.joining[actor], "join", "error")
    for channel, letters in COMBINATIONS.items():
        (answer,) = answers[channel]
        assert (answer["action"] == "join") is may(letters, actor, "join"), channel
        if answer["action"] == "error":
            assert answer["payload"]["code"] == "anonymous_not_allowed"
            assert answer["payload"]["message"] == "Anonymous clients cannot join this channel."


@pytest.mark.parametrize("actor", ACTORS)
def test_presence(stage: Stage, actor: str) -> None:
    lists = by_channel(stage.joining[actor], "presence_full")
    updates = by_channel(stage.joining[actor], "presence_update")
    order = list(ACTORS)
    for channel, letters in COMBINATIONS.items():
        sees = may(letters, actor, "join") and may(letters, actor, "sees_presence")
        listed = [other for other in joined(letters) if may(letters, other, "in_presence")]
        before = [stage.ids[other] for other in listed if order.index(other) <= order.index(actor)]
        after = [stage.ids[other] for other in listed if order.index(other) > order.index(actor)]
        seen = [[c["socketId"] for c in frame["payload"]["presence"]] for frame in lists[channel]]
        assert seen == ([before] if sees else []), (channel, actor)
        told = [(frame["payload"]["action"], frame["payload"]["presence"]["socketId"]) for frame in updates[channel]]
        assert told == ([("join", other) for other in after] if sees else []), (channel, actor)


@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("sender", ["anonymous 1", "authenticated 1"])
def test_messages_to_the_channel(stage: Stage, sender: str, marked: bool) -> None:
    label = f"{sender} {marked}"
    for channel in COMBINATIONS:
        stage.clients[sender].say(channel, label, authenticated=marked)
    received = dict(zip(stage.clients, settle(*stage.clients.values())))
    for actor, frames in received.items():
        messages, errors = by_channel(frames, "message"), by_channel(frames, "error")
        for channel, letters in COMBINATIONS.items():
            audience = AUDIENCE[letters, ACTORS[sender], marked] if may(letters, sender, "join") else None
            hears = audience is not None and may(letters, actor, "join") and may(letters, actor, RECEIVE[audience])
            got = [
                (m["payload"], m["options"].get("authenticated"), m["client"]["socketId"]) for m in messages[channel]
            ]
            mark = True if audience == "authenticated" else None
            assert got == ([(label, mark, stage.ids[sender])] if hears else []), (channel, actor)
            assert len(errors[channel]) == (actor == sender and audience is None), (channel, actor)


@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("recipient", ["anonymous 2", "authenticated 2"])
@pytest.mark.parametrize("sender", ["anonymous 1", "authenticated 1"])
def test_private_messages(stage: Stage, sender: str, recipient: str, marked: bool) -> None:
    label = f"{sender} to {recipient} {marked}"
    for channel in COMBINATIONS:
        stage.clients[sender].whisper(channel, stage.ids[recipient], label, authenticated=marked)
    received = dict(zip(stage.clients, settle(*stage.clients.values())))
    for actor, frames in received.items():
        messages, errors = by_channel(frames, "message"), by_channel(frames, "error")
        for channel, letters in COMBINATIONS.items():
            allowed = (
                may(letters, sender, "join")
                and may(letters, recipient, "join")
                and may(letters, sender, "send_private")
                and may(letters, recipient, "receive_private")
                and (not marked or (ACTORS[sender] and ACTORS[recipient]))
            )
            got = [(m["payload"], m["options"]["socketId"]) for m in messages[channel]]
            other = stage.ids[recipient if actor == sender else sender]
            assert got == ([(label, other)] if allowed and actor in (sender, recipient) else []), (channel, actor)
            assert len(errors[channel]) == (actor == sender and not allowed), (channel, actor)


def test_events_of_the_server(stage: Stage) -> None:
    call = stage.server.call
    recipients = {channel: call("event", channel=channel, data=channel)["recipients"] for channel in COMBINATIONS}
    received = dict(zip(stage.clients, settle(*stage.clients.values())))
    for channel, letters in COMBINATIONS.items():
        hearing = [actor for actor in joined(letters) if may(letters, actor, "receive_event")]
        assert recipients[channel] == len(hearing), channel
        for actor, frames in received.items():
            got = [frame["payload"] for frame in by_channel(frames, "event")[channel]]
            assert got == ([{"data": channel}] if actor in hearing else []), (channel, actor)


@pytest.mark.parametrize("actor", ACTORS)
def test_history_is_what_one_could_have_received(stage: Stage, actor: str) -> None:
    for name in ("anonymous 1", "authenticated 1"):
        for channel in COMBINATIONS:
            for marked in (False, True):
                stage.clients[name].say(channel, f"{actor}: {name} {marked}", authenticated=marked)
        settle(*stage.clients.values())
    for channel in COMBINATIONS:
        stage.server.call("event", channel=channel, data=actor)
    settle(*stage.clients.values())
    for channel in COMBINATIONS:
        stage.clients[actor].send("history", channel)
    frames = stage.clients[actor].sync()
    histories, errors = by_channel(frames, "history"), by_channel(frames, "error")
    for channel, letters in COMBINATIONS.items():
        if not may(letters, actor, "join"):
            assert not histories[channel]
            assert [error["payload"]["code"] for error in errors[channel]] == ["not_joined"]
            continue
        expected: list[object] = []
        if may(letters, actor, "read_history"):
            for name in ("anonymous 1", "authenticated 1"):
                for marked in (False, True):
                    audience = AUDIENCE[letters, ACTORS[name], marked] if may(letters, name, "join") else None
                    if audience is not None and may(letters, actor, RECEIVE[audience]):
                        expected.append(f"{actor}: {name} {marked}")
            if may(letters, actor, "receive_event"):
                expected.append({"data": actor})
        ours = [f["payload"] for f in histories[channel][0]["payload"]["history"] if _is_of(f["payload"], actor)]
        assert ours == expected, (channel, actor)


def _is_of(payload: object, actor: str) -> bool:
    """Whether a stored payload was sent for this round."""
    return payload == {"data": actor} or (isinstance(payload, str) and payload.startswith(f"{actor}: "))
