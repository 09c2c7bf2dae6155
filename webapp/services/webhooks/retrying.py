"""What comes of an attempt to deliver: done, tried again after a while, or given up. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from ...models import DeliveryState
from ...triggers.moment import Answer

JITTER = 0.1
"""Waits vary by this share, so that many that failed together do not come back together."""
GONE = 410
ANSWER_KEPT = 2_000
"""Characters of an answer that are kept."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt. ``wait`` is the seconds until the next one, None where there is none.

    ``switch_off`` says why the webhook is to be switched off, if it is. ``status`` is None where nobody answered.
    """

    state: DeliveryState
    wait: float | None = None
    status: int | None = None
    error: str = ""
    answer: str = ""
    switch_off: str = ""


def after_answer(answer: Answer, attempts: int, waits: Sequence[float], chance: float) -> Outcome:
    """Say what an answer means. ``attempts`` counts this one too, ``chance`` is from 0 to 1."""
    text = answer.body.decode("utf-8", "replace").replace("\x00", "�")[:ANSWER_KEPT]
    if 200 <= answer.status < 300:
        return Outcome(DeliveryState.DELIVERED, status=answer.status, answer=text)
    if answer.status == GONE:
        why = "Its receiver answered 410: it is gone for good."
        return Outcome(DeliveryState.FAILED, None, answer.status, why, text, switch_off=why)
    wait = _wait(attempts, waits, chance)
    if wait is not None and answer.retry_after is not None:
        later = waits[attempts] if attempts < len(waits) else waits[-1]
        wait = max(wait, min(answer.retry_after, later))
    return _again(wait, answer.status, f"It answered with status {answer.status}.", text)


def after_problem(problem: str, attempts: int, waits: Sequence[float], chance: float) -> Outcome:
    """Say what comes of an attempt that nobody answered."""
    return _again(_wait(attempts, waits, chance), None, problem, "")


def dropped(why: str) -> Outcome:
    """Say that it is not to be delivered at all."""
    return Outcome(DeliveryState.DROPPED, error=why)


def _again(wait: float | None, status: int | None, error: str, answer: str) -> Outcome:
    state = DeliveryState.FAILED if wait is None else DeliveryState.PENDING
    return Outcome(state, wait, status, error, answer)


def _wait(attempts: int, waits: Sequence[float], chance: float) -> float | None:
    """The wait after so many attempts; None when there have been enough."""
    if attempts > len(waits):
        return None
    return waits[attempts - 1] * (1 + JITTER * (2 * chance - 1))
