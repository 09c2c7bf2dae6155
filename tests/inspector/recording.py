"""A recorder on a server that runs in the test's process, and what its file holds."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.sockets.live import Live
from webapp.inspector.filters import Filter
from webapp.inspector.lines import Scribe
from webapp.inspector.recorder import Bounds, Out, Recorder
from webapp.inspector.traces import Tracer
from webapp.protocols import FACES

MEBIBYTE = 1024 * 1024


@dataclass
class Recorded:
    """A recorder and its file."""

    recorder: Recorder
    path: Path

    @property
    def items(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_bytes().splitlines()]

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [item["line"] for item in self.items if "line" in item]

    @property
    def end(self) -> dict[str, Any]:
        ended: dict[str, Any] = self.items[-1]["ended"]
        return ended


def tracer(live: Live, sees_payloads: bool = True) -> Tracer:
    return Tracer(Scribe(live.workspace, sees_payloads=sees_payloads), live.realtime.tap, FACES)


@contextmanager
def recording(
    live: Live,
    path: Path,
    wanted: Filter | None = None,
    size: int = MEBIBYTE,
    seconds: float = 600,
    sees_payloads: bool = True,
) -> Iterator[Recorded]:
    """Begin to record into a file; what is to be written is written when the test says so."""
    place = live.workspace
    scribe = Scribe(place, sees_payloads=sees_payloads)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    recorder = Recorder(
        live.realtime.tap,
        scribe,
        tracer(live, sees_payloads),
        (wanted or Filter()).matcher(),
        place.rules_of,
        Out(descriptor, 0),
        Bounds(size, seconds),
    )
    yield Recorded(recorder, path)
