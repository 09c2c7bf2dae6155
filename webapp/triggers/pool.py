"""Threads that run scripts for the loop: hot ones first, more where some are stuck, given up on where they stay so."""

import _queue
import os
import sys
import time
from collections import deque
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Any, Protocol

from gevent import getcurrent
from gevent.monkey import get_original

THREADS_FIRST = 2
THREADS_MOST = 16
NICENESS = 5
"""How much lower than the loop's the priority of the threads is."""
LOST = 2.0
"""Seconds after which a thread whose script was given up on is one too many, and another may take its place."""
LOST_MOST = 48
STUCK = 0.002
"""Seconds after which a thread that has not come back gets no more to do."""
TICK = 0.005
"""Seconds between looks at what is running, as long as something is."""
STUCK_MOST = 2
"""Threads that one script may have without coming back from them."""
REALMS_KEPT = 64
"""Scripts that a thread keeps ready; each takes a quarter of a MiB."""
STACK_SIZE = 8 * 1024 * 1024
SWITCH_INTERVAL = 0.001
"""Seconds after which a thread that wants the interpreter gets it: by default, 5 ms."""

_start_thread = get_original("_thread", "start_new_thread")
_stack_size = get_original("_thread", "stack_size")
_get_ident = get_original("_thread", "get_ident")


class Steps(Protocol):
    """Whoever writes at the end of each turn of the loop, and can do so at the end of one of its events (``Turn``)."""

    stepping: bool

    def end_step(self) -> None: ...


class GaveUp(Exception):
    """A script took so long that nobody waits for it any more. The sentence is for the dashboard."""


class Job:
    """A script to be run for an event: begun in the loop, run by a thread, which may ask the loop for something.

    With ``work`` it is several of them, one after the other on one thread: then ``script`` and the bounds are those of
    the one that runs just now.
    """

    __slots__ = (
        "_answers",
        "answering",
        "asked_at",
        "began",
        "cpu",
        "given_up",
        "greenlet",
        "pool",
        "script",
        "seconds",
        "text",
        "thread",
        "told",
        "wall",
        "work",
    )

    def __init__(self, script: Any, text: str, seconds: float, wall: float) -> None:
        self.script = script
        self.text = text
        self.seconds = seconds
        self.wall = wall
        self.told = ""
        """What it came to, once it is done."""
        self.began = 0.0
        self.cpu = 0.0
        self.given_up = False
        self.greenlet: Any = None
        self.thread: Thread | None = None
        self._answers: _queue.SimpleQueue[str | None] = _queue.SimpleQueue()
        self.pool: Pool | None = None
        self.asked_at = 0.0
        self.work: Callable[[], None] | None = None
        self.answering: Any = None
        """For whom the loop does what the script asks of it."""

    def begin(self, script: Any, text: str, seconds: float, wall: float) -> None:
        """Go on with another script, on the thread that has this job."""
        self.script, self.text, self.told = script, text, ""
        self.cpu, self.began = time.thread_time(), monotonic()
        self.seconds, self.wall = seconds, wall

    def rest(self) -> None:
        """Nothing is computed that has bounds of its own."""
        self.seconds = self.wall = inf

    def ask(self, calls: str) -> str | None:
        """Have the loop answer, on behalf of the thread; None if nobody waits for this job any more."""
        assert self.pool is not None
        self.pool.tell(self, calls)
        return self._answers.get()

    def answer(self, answers: str | None) -> None:
        self._answers.put(answers)


class Thread:
    """One thread with what waits for it."""

    def __init__(self, pool: "Pool") -> None:
        self.waiting: _queue.SimpleQueue[Job] = _queue.SimpleQueue()
        self.job: Job | None = None
        self.clock = 0
        self._pool = pool

    def start(self) -> None:
        before = _stack_size(STACK_SIZE)
        try:
            _start_thread(self._main, ())
        finally:
            _stack_size(before)

    def _main(self) -> None:
        self.clock = time.pthread_getcpuclockid(_get_ident())
        try:
            os.setpriority(os.PRIO_PROCESS, _native_id(), NICENESS)
        except OSError:
            pass  # it is a kindness to the others, nothing depends on it
        realms: dict[Any, Any] = {}
        run, pool, take = self._pool.run, self._pool, self.waiting.get
        while True:
            job = take()
            if job.given_up:
                pool.tell(job, None)
                continue
            job.cpu, job.began, job.thread = time.thread_time(), monotonic(), self
            self.job = job
            run(job, realms)
            self.job = None
            while len(realms) > REALMS_KEPT:
                del realms[next(iter(realms))]
            pool.tell(job, None)

    @property
    def is_stuck(self) -> bool:
        job = self.job
        return job is not None and monotonic() - job.began > STUCK

    @property
    def is_lost(self) -> bool:
        """Whether it is in the engine with something that nothing can end, as far as one can tell."""
        job = self.job
        return job is not None and job.given_up and monotonic() - job.began > LOST


class Pool:
    """The threads of one loop. ``run(job, realms)`` does a job on a thread, with what that thread keeps.

    What comes of scripts is an event of the loop: ``steps`` is told where it begins and ends.
    """

    def __init__(self, hub: Any, run: Callable[[Job, dict[Any, Any]], None], steps: Steps | None = None) -> None:
        self.run = run
        self._steps = steps
        self._hub = hub
        self._told: deque[tuple[Job, str | None]] = deque()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._watcher = hub.loop.io(self._bell, 1)
        self._watcher.start(self._hear)
        self._timer = hub.loop.timer(TICK, TICK)
        self._outstanding: set[Job] = set()
        self._held: deque[Job] = deque()
        """What waits because its script has as many threads as it may, and does not come back from them."""
        self._threads: list[Thread] = []
        for _ in range(THREADS_FIRST):
            self._add_thread()
        sys.setswitchinterval(min(SWITCH_INTERVAL, sys.getswitchinterval()))

    def do(self, job: Job, answer: Callable[[str], str]) -> None:
        """Have a job done, letting others run meanwhile. ``answer`` does what the script asks for, in this greenlet.

        Whatever ends the waiting, be it that this greenlet is killed, the thread that has the job is told.

        Raises:
            GaveUp: it took too long.
        """
        job.pool, job.asked_at = self, monotonic()
        if not self._timer.active:
            self._timer.start(self._look)
        self._outstanding.add(job)
        try:
            self._place(job)
            while (calls := self._wait(job)) is not None:
                job.answer(answer(calls))
        except BaseException:
            job.given_up = True
            job.answer(None)
            raise
        finally:
            self._outstanding.discard(job)

    def _wait(self, job: Job) -> str | None:
        if job.given_up:
            raise _gave_up(job)
        job.greenlet = getcurrent()
        try:
            calls: str | None = self._hub.switch()
        finally:
            job.greenlet = None
        return calls

    def _place(self, job: Job) -> None:
        """Let the first thread that is not stuck do a job: one that has just run something runs the next best.

        A script that has as many threads stuck as it may get no more until one comes back: all others need some.
        """
        stuck_with_it = lost = 0
        free, now = None, monotonic()
        for thread in self._threads:
            at = thread.job
            if at is None or now - at.began <= STUCK:
                free = free or thread
            else:
                stuck_with_it += at.script == job.script
                lost += thread.is_lost
        if stuck_with_it >= STUCK_MOST:
            self._held.append(job)
        elif free is not None:
            free.waiting.put(job)
        elif len(self._threads) < THREADS_MOST + min(lost, LOST_MOST):
            self._add_thread().waiting.put(job)
        else:
            self._held.append(job)

    def _add_thread(self) -> Thread:
        thread = Thread(self)
        thread.start()
        self._threads.append(thread)
        return thread

    # From the threads

    def tell(self, job: Job, calls: str | None) -> None:
        """Wake whoever waits for a job. Called by threads."""
        self._told.append((job, calls))
        # Unlike the loop's own way of being woken this lets go of the interpreter, which the loop needs at once.
        os.eventfd_write(self._bell, 1)

    def _hear(self) -> None:
        os.eventfd_read(self._bell)
        steps = self._steps
        if steps is None:
            self._wake()
            return
        steps.stepping = True
        try:
            self._wake()
        finally:
            steps.end_step()

    def _wake(self) -> None:
        told = self._told
        while told:
            job, calls = told.popleft()
            if calls is None and self._held:
                self._place_held()
            greenlet = job.greenlet
            if not job.given_up and greenlet is not None:
                greenlet.switch(calls)

    def _place_held(self) -> None:
        held, self._held = self._held, deque()
        for job in held:
            if not job.given_up:
                self._place(job)

    # By time

    def _look(self) -> None:
        """Give up on what takes too long, and move what waits behind something that is stuck."""
        if not self._outstanding:
            self._timer.stop()
            return
        now = monotonic()
        for thread in list(self._threads):
            job = thread.job
            if job is None or not thread.is_stuck:
                continue
            if not job.given_up and _is_over(thread, job, now):
                self._throw(job)
            for behind in _taken(thread.waiting):
                self._place(behind)
        for job in list(self._held):
            if now - job.asked_at > job.wall:
                self._held.remove(job)
                self._throw(job)

    def _throw(self, job: Job) -> None:
        greenlet = job.greenlet
        job.given_up = True
        if greenlet is not None:
            greenlet.throw(_gave_up(job))


def _is_over(thread: Thread, job: Job, now: float) -> bool:
    if now - job.began > job.wall:
        return True
    return time.clock_gettime(thread.clock) - job.cpu > job.seconds


def _taken(waiting: "_queue.SimpleQueue[Job]") -> list[Job]:
    """Take out what waits for a thread."""
    taken: list[Job] = []
    while True:
        try:
            taken.append(waiting.get_nowait())
        except _queue.Empty:
            return taken


def _gave_up(job: Job) -> GaveUp:
    if not job.began:
        return GaveUp("It was not begun in time: earlier runs of this code take too long.")
    return GaveUp(f"It ran out of time: it may compute for {job.seconds * 1000:g} ms.")


def _native_id() -> int:
    return int(get_original("_thread", "get_native_id")())
