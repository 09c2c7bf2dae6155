"""Threads that run scripts for the loop: hot ones first, slow code apart, given up on where it does not come back."""

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
SLOW = 0.01
"""Seconds of computing that are long: the thread gets the lowest priority for the rest, and ends with it. Code with two
such runs within a while counts as slow; one may be nothing but time that a machine that others share was away."""
SLOW_FOR = 30.0
"""Seconds that code counts as slow."""
SLOW_MOST = 4
"""Threads for slow code, each for another one: on few cores they share what time all others leave."""
NICEST = 19
AT_ONCE = 2
"""Threads that one script may hold up before it is known whether it takes long; what comes after waits."""
REALMS_KEPT = 64
"""Scripts that a thread keeps ready; each takes a quarter of a MiB."""
STACK_SIZE = 8 * 1024 * 1024
SWITCH_INTERVAL = 0.001
"""Seconds after which a thread that wants the interpreter gets it: by default, 5 ms."""

_start_thread = get_original("_thread", "start_new_thread")
_stack_size = get_original("_thread", "stack_size")
_get_ident = get_original("_thread", "get_ident")
_get_native_id = get_original("_thread", "get_native_id")


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
        "is_ready",
        "key",
        "pool",
        "script",
        "seconds",
        "text",
        "thread",
        "told",
        "wall",
        "was_long",
        "work",
    )

    def __init__(self, script: Any, text: str, seconds: float, wall: float) -> None:
        self.key = script
        """What it is known by where code that takes long is kept apart."""
        self.script = script
        self.text = text
        self.seconds = seconds
        self.wall = wall
        self.told = ""
        """What it came to, once it is done."""
        self.began = 0.0
        self.cpu = 0.0
        self.given_up = False
        self.was_long = False
        self.is_ready = False
        """Whether the script itself runs: making it ready takes longer than most runs of it."""
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
        self.seconds, self.wall = seconds, wall
        self.is_ready = False

    def ready(self) -> None:
        """The script itself begins: from now on what it takes is counted, on the thread that has it."""
        self.cpu, self.began = time.thread_time(), monotonic()
        self.is_ready = True

    def rest(self) -> None:
        """Nothing is computed that has bounds of its own."""
        self.seconds = self.wall = inf
        self.is_ready = False

    def ask(self, calls: str) -> str | None:
        """Have the loop answer, on behalf of the thread; None if nobody waits for this job any more."""
        assert self.pool is not None
        self.pool.tell(self, calls)
        return self._answers.get()

    def answer(self, answers: str | None) -> None:
        self._answers.put(answers)


class Thread:
    """One thread with what waits for it. A ``slow`` one has the lowest priority."""

    def __init__(self, pool: "Pool", slow: bool = False) -> None:
        self.waiting: _queue.SimpleQueue[Job] = _queue.SimpleQueue()
        self.job: Job | None = None
        self.clock = self.native_id = 0
        self.slow = slow
        self.retires = False
        """Set where it is to end with what it has in hand."""
        self._pool = pool

    def start(self) -> None:
        before = _stack_size(STACK_SIZE)
        try:
            _start_thread(self._main, ())
        finally:
            _stack_size(before)

    def _main(self) -> None:
        self.clock = time.pthread_getcpuclockid(_get_ident())
        self.native_id = _get_native_id()
        be_nice(self.native_id, NICEST if self.slow else NICENESS)
        realms: dict[Any, Any] = {}
        run, pool, take = self._pool.run, self._pool, self.waiting.get
        while not self.retires:
            job = take()
            job.thread = self
            if job.given_up:
                pool.tell(job, None)
                continue
            job.began = monotonic()
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

    def is_at(self, key: Any) -> bool:
        """Whether it runs this code."""
        job = self.job
        return job is not None and job.key == key

    @property
    def is_lost(self) -> bool:
        """Whether it is in the engine with something that nothing can end, as far as one can tell."""
        job = self.job
        return job is not None and job.given_up and monotonic() - job.began > LOST

    def computed(self, job: Job) -> float:
        """Seconds that it has computed for the script that it runs."""
        return time.clock_gettime(self.clock) - job.cpu


def be_nice(native_id: int, niceness: int) -> None:
    """Lower the priority of a thread. What has none to give is a kindness less, and nothing depends on it.

    A batch thread does not interrupt the loop when the loop gives it something to do, with the interpreter in hand.
    """
    try:
        os.setpriority(os.PRIO_PROCESS, native_id, niceness)
        os.sched_setscheduler(native_id, os.SCHED_BATCH, os.sched_param(0))
    except OSError:
        pass


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
        self._threads: list[Thread] = []
        self._leaving: list[Thread] = []
        """Threads that end with what they have in hand."""
        self._held: deque[Job] = deque()
        """What waits because every thread is stuck, and there are as many as there may be."""
        self._slow: dict[Any, float] = {}
        """Code that took long lately, and until when it counts as slow."""
        self._long_before: dict[Any, float] = {}
        """Code that took long once, and until when that counts."""
        self._slow_threads: list[Thread] = []
        self._held_slow: dict[Any, deque[Job]] = {}
        self._given: dict[Thread, Any] = {}
        """The code that each slow thread has in hand."""
        for _ in range(THREADS_FIRST):
            self._add_thread()
        sys.setswitchinterval(min(SWITCH_INTERVAL, sys.getswitchinterval()))

    @property
    def threads(self) -> list[Thread]:
        """All threads, those that are on their way out among them."""
        return [*self._threads, *self._slow_threads, *self._leaving]

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

        Code that took long lately goes where it is in the way of no other code.
        """
        if self._slow and job.key in self._slow:
            self._place_slow(job)
            return
        lost, at_it = 0, sum(thread.is_at(job.key) for thread in self._leaving) if self._leaving else 0
        for thread in self._threads:
            if at_it >= AT_ONCE:
                break
            if not thread.is_stuck:
                thread.waiting.put(job)
                return
            lost += thread.is_lost
            at_it += thread.is_at(job.key)
        if at_it < AT_ONCE and len(self._threads) < THREADS_MOST + min(lost, LOST_MOST):
            self._add_thread().waiting.put(job)
        else:
            self._held.append(job)

    def _place_slow(self, job: Job) -> None:
        """Run slow code one job after the other on a thread of its own, as long as there is one."""
        waits = self._held_slow.setdefault(job.key, deque())
        waits.append(job)
        self._begin_slow()

    def _begin_slow(self) -> None:
        """Let slow threads that are free take what waits longest of code that none of them runs."""
        for key in list(self._held_slow):
            if key in self._given.values():
                continue
            thread = self._free_slow_thread()
            if thread is None:
                return
            waits = self._held_slow.pop(key)
            while waits and waits[0].given_up:
                waits.popleft()
            if waits:
                self._given[thread] = key
                thread.waiting.put(waits.popleft())
            if waits:
                self._held_slow[key] = waits  # behind all others

    def _free_slow_thread(self) -> Thread | None:
        lost = 0
        for thread in self._slow_threads:
            if thread not in self._given:
                return thread
            lost += thread.is_lost
        if len(self._slow_threads) >= SLOW_MOST + min(lost, LOST_MOST):
            return None
        thread = Thread(self, slow=True)
        thread.start()
        self._slow_threads.append(thread)
        return thread

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
            if calls is None:
                self._done(job)
            greenlet = job.greenlet
            if not job.given_up and greenlet is not None:
                greenlet.switch(calls)

    def _done(self, job: Job) -> None:
        """A thread has come back from a job, whether anyone still waits for it or not."""
        thread = job.thread
        if thread is not None and self._given.pop(thread, None) is not None:
            self._begin_slow()
        elif self._held:
            self._place_held()

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
        self._leaving = [thread for thread in self._leaving if thread.job is not None]
        for thread in self.threads:
            job = thread.job
            if job is None or now - job.began <= STUCK:
                continue
            computed = thread.computed(job) if job.is_ready else 0.0
            is_over = not job.given_up and (now - job.began > job.wall or computed > job.seconds)
            if computed > SLOW and (is_over or not job.was_long):
                job.was_long = True
                self._took_long(thread, job, now, is_over)
            if is_over:
                self._throw(job)
            if not thread.slow:
                for behind in _taken(thread.waiting):
                    if behind.key == job.key and not job.is_ready:
                        thread.waiting.put(behind)  # it is being made ready for this one, too
                    else:
                        self._place(behind)
        for known in (self._slow, self._long_before):
            for key in [key for key, until in known.items() if until < now]:
                del known[key]
        for waits in (self._held, *self._held_slow.values()):
            while waits and (waits[0].given_up or now - waits[0].asked_at > waits[0].wall):
                job = waits.popleft()
                if not job.given_up:
                    self._throw(job)
        for key in [key for key, waits in self._held_slow.items() if not waits]:
            del self._held_slow[key]

    def _took_long(self, thread: Thread, job: Job, now: float, is_over: bool) -> None:
        """Keep what computes for long out of the way of others, and its code apart for a while if it is no chance."""
        if not thread.slow and not thread.retires:
            # It is in the way where it is; priorities can't be taken back, so its thread ends with it.
            thread.retires = True
            self._threads.remove(thread)
            self._leaving.append(thread)
            be_nice(thread.native_id, NICEST)
            if len(self._threads) < THREADS_FIRST:
                self._add_thread()
        until = now + SLOW_FOR
        if not is_over and job.key not in self._slow and self._long_before.get(job.key, 0.0) < now:
            self._long_before[job.key] = until
            return
        self._slow[job.key] = until
        self._place_held()

    def _throw(self, job: Job) -> None:
        greenlet = job.greenlet
        job.given_up = True
        if greenlet is not None:
            greenlet.throw(_gave_up(job))


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
