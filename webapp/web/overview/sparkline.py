"""A line as small as a word, drawn by the server as the path of an SVG."""

from collections.abc import Iterable
from dataclasses import dataclass

WIDTH, HEIGHT = 180, 28
_TOP, _FLOOR = 2.0, HEIGHT - 1.5
"""Room for the thickness of the line."""


@dataclass(frozen=True, slots=True)
class Sparkline:
    """``line`` is the curve, ``area`` what lies below it; both are the ``d`` of a path and may be empty."""

    line: str
    area: str


def sparkline(points: Iterable[tuple[float, float | None]], span: float) -> Sparkline:
    """Draw points of (time, value), times between 0 and ``span``; the line has a gap where a value is None.

    The floor is zero, so that a small change of a large number looks small.
    """
    given = list(points)
    most = max((value for _, value in given if value is not None), default=0.0) or 1.0
    line, area = [], []
    for run in _runs(given):
        placed = [(WIDTH * at / span, _FLOOR - (_FLOOR - _TOP) * value / most) for at, value in run]
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        # A point alone is a line of no length, which round ends make a dot.
        line.append(f"M{drawn}" if len(placed) > 1 else f"M{drawn}h0")
        area.append(f"M{placed[0][0]:.1f},{HEIGHT} {drawn} {placed[-1][0]:.1f},{HEIGHT}Z")
    return Sparkline(" ".join(line), " ".join(area))


def _runs(points: list[tuple[float, float | None]]) -> list[list[tuple[float, float]]]:
    """Split points where values are missing."""
    runs: list[list[tuple[float, float]]] = [[]]
    for at, value in points:
        if value is None:
            runs.append([])
        else:
            runs[-1].append((at, value))
    return [run for run in runs if run]
