"""What stacks do in the loop for long, step after step or call after call, lets others run in between."""

from collections.abc import Callable
from time import monotonic

import gevent
import pytest

from tests.triggers.moments import call, ran, step
from webapp.triggers.hosts import Noting
from webapp.triggers.moment import Moment

TIMES = 40


class Slow(Noting):
    """A host that takes its time to log, without letting anyone run."""

    def log(self, to: str, text: str, moment: Moment) -> None:
        ends = monotonic() + 0.006
        while monotonic() < ends:
            pass


def steps() -> None:
    ran(*[step("log", text="a")] * TIMES, host=Slow("w"))


def calls() -> None:
    call(f"async (event) => {{ for (let i = 0; i < {TIMES}; i++) log('a') }}", host=Slow("w"))


@pytest.mark.parametrize("long", [steps, calls])
def test_others_run_in_between(long: Callable[[], None]) -> None:
    """A thousand calls of `publish` in a channel with history kept the loop for a quarter of a second. Pausing for no
    time at all did not help: gevent then comes back fifty times before it looks at its timers and sockets."""
    ticks = []

    def tick() -> None:
        while True:
            ticks.append(monotonic())
            gevent.sleep(0.001)

    ticking = gevent.spawn(tick)
    gevent.sleep(0.01)
    ticks.clear()
    long()
    ticking.kill()
    assert len(ticks) > TIMES / 2
