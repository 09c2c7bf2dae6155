"""How long until and since, in words."""

from datetime import UTC, datetime, timedelta

import pytest

from webapp.web.moments import from_now, moment

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "now"), (0.4, "now"), (1, "in 1 second"), (-1, "1 second ago"), (119, "in 1 minute"), (7230, "in 2 hours"),
     (-86_400, "1 day ago"), (86_400 * 800, "in 2 years")],
)  # fmt: skip
def test_the_largest_unit_is_named(seconds: float, words: str) -> None:
    assert from_now(NOW + timedelta(seconds=seconds), NOW) == words


@pytest.mark.parametrize("seconds", [None, 1e14, -1e14])
def test_what_no_calendar_holds_is_no_moment(seconds: float | None) -> None:
    assert moment(seconds) is None
