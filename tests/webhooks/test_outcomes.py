"""What comes of an attempt: the table of waits, what Retry-After may change, and when it is enough."""

import pytest

from webapp.config import Settings
from webapp.models import DeliveryState
from webapp.services.webhooks.retrying import JITTER, after_answer, after_problem
from webapp.triggers.moment import Answer

WAITS = (5.0, 60.0, 300.0)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_what_is_taken_is_over(status: int) -> None:
    outcome = after_answer(Answer(status, b"ok"), 1, WAITS, 0.5)
    assert (outcome.state, outcome.wait, outcome.status, outcome.answer) == (
        DeliveryState.DELIVERED, None, status, "ok",
    )  # fmt: skip


@pytest.mark.parametrize("status", [100, 301, 302, 400, 401, 404, 429, 500, 503, 599])
def test_anything_else_is_tried_again(status: int) -> None:
    outcome = after_answer(Answer(status, b""), 1, WAITS, 0.5)
    assert (outcome.state, outcome.wait, outcome.switch_off) == (DeliveryState.PENDING, 5.0, "")
    assert str(status) in outcome.error


def test_the_waits_one_after_the_other_then_it_is_given_up() -> None:
    outcomes = [after_problem("nobody", attempts, WAITS, 0.5) for attempts in range(1, 5)]
    assert [outcome.wait for outcome in outcomes] == [5.0, 60.0, 300.0, None]
    assert outcomes[-1].state is DeliveryState.FAILED
    assert outcomes[-1].error == "nobody"


def test_waits_vary_a_little() -> None:
    waits = [after_problem("", 2, WAITS, chance).wait for chance in (0.0, 1.0)]
    assert waits == [60 * (1 - JITTER), 60 * (1 + JITTER)]


@pytest.mark.parametrize(
    ("attempts", "said", "wait"),
    [(1, 1.0, 5.0), (1, 30.0, 30.0), (1, 3600.0, 60.0), (2, 120.0, 120.0), (3, 3600.0, 300.0), (4, 10.0, None)],
)
def test_when_it_says_to_come_back(attempts: int, said: float, wait: float | None) -> None:
    assert after_answer(Answer(503, b"", said), attempts, WAITS, 0.5).wait == wait


def test_gone_for_good() -> None:
    outcome = after_answer(Answer(410, b""), 1, WAITS, 0.5)
    assert outcome.state is DeliveryState.FAILED
    assert "410" in outcome.switch_off


def test_the_default_tries_for_almost_four_days() -> None:
    waits = Settings(secret_key="x" * 32).webhook_retries
    assert waits == tuple(sorted(waits))
    assert len(waits) == 10
    assert 3.1 * 86_400 < sum(waits) < 4 * 86_400
