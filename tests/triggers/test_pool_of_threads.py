"""The threads that run scripts: one script in trouble holds up few, and what is given up on leaves nothing."""

from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import gevent
import pytest
from gevent.event import Event

from tests.triggers.moments import moment
from webapp.triggers import pool as pools
from webapp.triggers import sandbox
from webapp.triggers.hosts import Noting
from webapp.triggers.moment import Moment, StepFailed
from webapp.triggers.pool import Pool, Thread

ENDLESS = "(event) => { for (;;); }"
NATIVE = "(event) => { for (let i = 0; i < 3; i++) 10n ** 300000n % (10n ** 149999n + 1n) }"
"""Is inside the engine for seconds, where no limit of its own reaches it."""


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    """A pool of its own for a test."""
    made = Pool(gevent.get_hub(), sandbox.run_on_this_thread)
    monkeypatch.setattr(sandbox, "_pool", lambda: made)
    yield made
    wait_until(lambda: not busy(made) and not made._given and not made._held_slow, "the threads to come back")
    assert made._outstanding == set()
    assert list(made._held) == []


def busy(pool: Pool) -> list[Thread]:
    return [thread for thread in pool.threads if thread.job is not None]


def wait_until(holds: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    ends = monotonic() + seconds
    while not holds():
        assert monotonic() < ends, f"waited for {what}"
        gevent.sleep(0.002)


def run(code: str, payload: Any = None, host: Noting | None = None, seconds: float = 0.05) -> Any:
    """What a function makes of an event, or the sentence of why it failed."""
    try:
        script = sandbox.Script.function(code, seconds, 16 << 20)
        return sandbox.call(script, moment(payload, host)).payload
    except StepFailed as error:
        return str(error)


class Waiting(Noting):
    """A host that answers ``log`` only once it may."""

    def __init__(self) -> None:
        super().__init__("w")
        self.asked, self.may = Event(), Event()

    def log(self, to: str, text: str, moment: Moment) -> None:
        self.asked.set()
        self.may.wait()


class Raising(Noting):
    def log(self, to: str, text: str, moment: Moment) -> None:
        raise StepFailed("There is nowhere to log to.")


def test_scripts_run_side_by_side_and_each_gets_its_own_answer(pool: Pool) -> None:
    code = "async (event) => {{ await kv.get('a'); return {{ payload: event.payload + {} }} }}"
    jobs = [gevent.spawn(run, code.format(n % 5 + 1), 1000 * n) for n in range(200)]
    gevent.joinall(jobs)
    assert [job.value for job in jobs] == [str(1000 * n + n % 5 + 1).encode() for n in range(200)]


def test_a_script_in_trouble_takes_few_threads_and_others_go_on(pool: Pool) -> None:
    troubled = [gevent.spawn(run, ENDLESS, n, None, 0.3) for n in range(20)]
    most, served = 0, 0
    while not all(job.ready() for job in troubled):
        assert run("(event) => ({ payload: event.payload * 2 })", 21) == b"42"
        stuck = [thread for thread in busy(pool) if thread.job and thread.job.script.code == ENDLESS]
        most, served = max(most, len(stuck)), served + 1
    assert 1 <= most <= 3, "two until it is known to take long, and from then on one"
    assert served >= 20
    said = {job.value for job in troubled}
    assert said <= {
        "It ran out of time: it may compute for 300 ms.",
        "It was not begun in time: earlier runs of this code take too long.",
    }


def test_code_that_took_long_runs_apart_and_in_turn(pool: Pool) -> None:
    """Endless loops once had the priority of all others; now each has one thread, of the lowest."""
    assert "ran out of time" in run(ENDLESS)
    wait_until(lambda: not busy(pool), "the thread to come back")
    jobs = [gevent.spawn(run, code, n) for n in range(3) for code in (ENDLESS, f"{ENDLESS} // b", f"{ENDLESS} // c")]
    at_once = 0
    while not all(job.ready() for job in jobs):
        gevent.sleep(0.005)
        at_it = [thread for thread in busy(pool) if thread.job and thread.job.script.code == ENDLESS]
        at_once = max(at_once, len(at_it))
        assert {thread.slow for thread in at_it} <= {True}
    assert at_once == 1
    fine = sandbox.Script.function("(event) => ({ payload: 1 })", 0.05, 16 << 20)
    assert run(fine.code) == b"1"
    assert fine not in pool._slow


def test_slow_code_is_no_longer_so_after_a_while(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "SLOW_FOR", 0.2)
    code = "(event) => { const end = Date.now() + event.payload; while (Date.now() < end); return { payload: 1 } }"
    script = sandbox.Script.function(code, 0.05, 16 << 20)
    assert run(code, 30) == b"1"
    assert script not in pool._slow, "once may be chance"
    ends = monotonic() + 10
    while script not in pool._slow:
        assert monotonic() < ends
        assert run(code, 30) == b"1", "long, and within its time"
    while script in pool._slow:
        assert monotonic() < ends
        assert run("(event) => { const end = Date.now() + 8; while (Date.now() < end); }") is None
    assert run(code, 0) == b"1"
    assert script not in pool._slow


def test_what_waits_behind_a_stuck_script_is_moved_to_another_thread(pool: Pool) -> None:
    first = [gevent.spawn(run, f"{ENDLESS} // {n}", None, None, 1.0) for n in range(pools.THREADS_FIRST)]
    behind = [gevent.spawn(run, "(event) => ({ payload: event.payload + 1 })", n) for n in range(50)]
    began = monotonic()
    gevent.joinall(behind)
    assert [job.value for job in behind] == [str(n + 1).encode() for n in range(50)]
    assert monotonic() - began < 0.9
    assert not any(job.ready() for job in first)
    gevent.joinall(first)


def test_many_scripts_in_trouble_leave_the_loop_and_each_other_alone(pool: Pool) -> None:
    jobs = [gevent.spawn(run, f"{ENDLESS} // {n}", None, None, 0.1) for n in range(30)]
    gevent.joinall(jobs)
    assert len(pool._threads) <= pools.THREADS_MOST
    assert len(pool._slow_threads) <= pools.SLOW_MOST + pools.LOST_MOST
    assert {job.value for job in jobs} <= {
        "It ran out of time: it may compute for 100 ms.",
        "It was not begun in time: earlier runs of this code take too long.",
    }
    assert run("(event) => ({ payload: 2 })") == b"2"


def test_what_the_engine_cannot_stop_is_given_up_on(pool: Pool) -> None:
    began = monotonic()
    assert run(NATIVE) == "It ran out of time: it may compute for 50 ms."
    assert monotonic() - began < 1
    assert len(busy(pool)) == 1, "the thread is still at it"
    assert run("(event) => ({ payload: 1 })") == b"1"
    wait_until(lambda: not busy(pool) or any(thread.is_lost for thread in pool.threads), "the thread to be given up on")
    assert run("(event) => ({ payload: 2 })") == b"2"
    wait_until(lambda: not busy(pool), "the thread to come back")
    assert run("(event) => ({ payload: 3 })") == b"3"


@pytest.mark.parametrize(
    "code",
    [
        "(event) => { for (;;); }",
        "async (event) => { for (;;) await null; }",
        "async (event) => { for (;;) await kv.get('a'); }",
        "async (event) => { await log('waits'); }",
    ],
)
@pytest.mark.parametrize("after", [0.0, 0.001, 0.01])
def test_whoever_waits_may_be_killed_at_any_time(pool: Pool, code: str, after: float) -> None:
    """A thread that asked for something on behalf of one that was killed once waited for the answer for ever."""
    jobs = [gevent.spawn(run, code, n, Waiting(), 0.1) for n in range(4)]
    gevent.sleep(after)
    gevent.killall(jobs)
    wait_until(lambda: not busy(pool), "the threads to come back")
    assert pool._outstanding == set()
    assert run("(event) => ({ payload: 2 })") == b"2"


def test_a_script_that_is_killed_while_the_host_answers(pool: Pool) -> None:
    host = Waiting()
    job = gevent.spawn(run, "async () => { await log('a'); await kv.set('k', 1); await log('b') }", None, host, 1.0)
    host.asked.wait()
    job.kill()
    wait_until(lambda: not busy(pool), "the thread to come back")
    assert run("async () => ({ payload: await kv.get('k') ?? 5 })", None, host) == b"5"


def test_a_host_that_cannot_do_it_fails_the_step_and_frees_the_thread(pool: Pool) -> None:
    for _ in range(40):
        assert (
            run("async () => { try { await log('a') } catch {} }", None, Raising("w")) == "There is nowhere to log to."
        )
    assert len(pool._threads) == pools.THREADS_FIRST


def test_a_host_that_takes_long_counts_by_the_wall(pool: Pool) -> None:
    host = Waiting()
    job = gevent.spawn(run, "async () => { await log('a'); return { payload: 1 } }", None, host, 0.01)
    host.asked.wait()
    gevent.sleep(0.05)
    host.may.set()
    job.join()
    assert job.value == b"1", "five times its limit, of which it computed little"
    host = Waiting()
    job = gevent.spawn(run, "async () => { await log('a'); await log('b') }", None, host, 0.01)
    host.asked.wait()
    gevent.sleep(0.4)
    host.may.set()
    job.join()
    assert job.value == "It ran out of time: it may compute for 10 ms."


def test_the_time_that_others_compute_is_not_counted(pool: Pool) -> None:
    busy_for = "(event) => { const end = Date.now() + 30; while (Date.now() < end); return { payload: 1 } }"
    jobs = [gevent.spawn(run, f"{busy_for} // {n}", None, None, 0.05) for n in range(8)]
    gevent.joinall(jobs)
    assert [job.value for job in jobs] == [b"1"] * 8


def test_a_pool_that_has_nothing_to_do_does_not_look(pool: Pool) -> None:
    assert run("(event) => ({ payload: 2 })") == b"2"
    wait_until(lambda: not pool._timer.active, "the timer to stop")


def test_a_thread_keeps_the_scripts_that_it_ran_last(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "REALMS_KEPT", 3)
    kept: list[dict[Any, Any]] = []

    def noting(job: Any, realms: dict[Any, Any]) -> None:
        sandbox.run_on_this_thread(job, realms)
        kept.append(realms)

    pool.run = noting
    fresh = pool._add_thread()
    pool._threads.insert(0, fresh)
    for n in (1, 2, 3, 1, 4, 5):
        assert run(f"(event) => ({{ payload: {n} }})") == str(n).encode()
    wait_until(lambda: not busy(pool), "the thread to be done")
    assert [script.code for script in kept[-1]] == [f"(event) => ({{ payload: {n} }})" for n in (1, 4, 5)]
