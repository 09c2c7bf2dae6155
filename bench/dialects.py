"""The kinds of clients that Tidegate's channels can hold at once: how each comes in, and how it sends."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.crowd import Step
from bench.payload import PAYLOAD
from bench.tidegate import Tidegate
from bench.websocket import SWITCHED, text, upgrade

_ANSWERED = b'{"status":"ok","response":{}}]'


@dataclass(frozen=True)
class Dialect:
    """A kind of client: its way into a channel, and the bytes by which it sends the payload to all members."""

    name: str
    arrive: Callable[[str], Sequence[Step]]
    publish: Callable[[str], bytes]


def _comes_as_phoenix(room: str) -> Sequence[Step]:
    return [
        Step(upgrade("/socket/websocket?vsn=2.0.0"), SWITCHED),
        Step(_pushed(room, "phx_join", "{}"), _ANSWERED),
    ]


def _sends_as_phoenix(room: str) -> bytes:
    return _pushed(room, "message", PAYLOAD)


def _comes_as_supabase(room: str) -> Sequence[Step]:
    """Joins as one that hears itself, as members do with all peers."""
    return [
        Step(upgrade("/socket/websocket?apikey=default&vsn=2.0.0"), SWITCHED),
        Step(_pushed(f"realtime:{room}", "phx_join", '{"config":{"broadcast":{"self":true}}}'), _ANSWERED),
    ]


def _sends_as_supabase(room: str) -> bytes:
    broadcast = f'{{"type":"broadcast","event":"message","payload":{PAYLOAD}}}'
    return _pushed(f"realtime:{room}", "broadcast", broadcast)


def _pushed(topic: str, event: str, payload: str) -> bytes:
    """A frame of vsn 2; nobody waits for one answer among others, so all have the same ref."""
    return text(f'["1","1",{json.dumps(topic)},"{event}",{payload}]'.encode())


XANO = Dialect("Xano", Tidegate().arrive, Tidegate().publish)
PHOENIX = Dialect("Phoenix", _comes_as_phoenix, _sends_as_phoenix)
SUPABASE = Dialect("Supabase", _comes_as_supabase, _sends_as_supabase)
