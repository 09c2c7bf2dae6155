"""JavaScript of triggers, in quickjs-ng on threads of its own: no input or output, bounded in time and memory.

The engine lets go of the interpreter's lock while it runs, so a thread that computes holds nobody up; the threads have
a lower priority than the loop. The engine's own time limit counts what the whole process computes and knows nothing of
promises, so time is measured here: by the thread's own clock, and by the wall for what never comes back.
"""

import re
import time
from collections.abc import Callable
from functools import lru_cache
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec
import quickjs
from gevent import get_hub
from gevent.monkey import get_original

from .moment import Json, Moment, StepFailed
from .pool import GaveUp, Job, Pool, Steps
from .turns import Turns

WALL = 10
"""How many times its limit a script may take by the wall, which other threads and the host's answers count towards."""
ENGINE = 4
"""How many times its limit the engine lets it compute: its clock counts other threads as well."""
JOBS_AT_ONCE = 64
LEFT_OVER = 256
"""Jobs that may be left when a function has come to its end; a realm with more is not used again."""
KEPT_MOST = 1024 * 1024
"""Bytes that a realm may hold on to between two runs; each thread keeps dozens."""
KEPT_SECONDS = 0.0002
"""Seconds in which nothing large can be made, so that looking is not worth while."""
STACK = 256 * 1024
ERROR_MOST = 500
"""Characters of an error's message that are kept."""
LINES_BEFORE = 40_000
"""Empty lines in front of the realm, more than code can have: by its line one tells whose an error is."""
_REALM = "\n" * LINES_BEFORE + (Path(__file__).parent / "realm.js").read_text("utf-8")
_LINE = re.compile(r"<input>:(\d+)")


_here: "dict[int, tuple[Job, dict[Any, Any]]]" = {}
"""What threads are at that do several scripts, with the realms of each."""
get_ident = get_original("_thread", "get_ident")


class Script(msgspec.Struct, frozen=True):
    """What is run, and its bounds: seconds of computing, bytes of memory."""

    code: str
    is_function: bool
    seconds: float = 0.05
    memory: int = 16 << 20

    @classmethod
    def expression(cls, code: str) -> "Script":
        return cls(code, False)

    @classmethod
    def function(cls, code: str, seconds: float, memory: int) -> "Script":
        return cls(code, True, seconds, memory)


NO_SCRIPT = Script("", False)


class Answer(msgspec.Struct, frozen=True):
    """What a function came to. ``payload`` is None where it changed nothing; ``error`` is the message it threw.

    ``console`` is what it wrote there.
    """

    payload: Json | None = None
    blocks: bool = False
    error: str | None = None
    console: tuple[str, ...] = ()


class Call(msgspec.Struct, array_like=True):
    """A call of a helper that a script made; ``id`` 0 wants no answer."""

    id: int
    name: str
    arguments: list[Any]


def is_true(script: Script, moment: Moment) -> bool:
    """Whether an expression is true of an event.

    Raises:
        StepFailed: it threw, or ran out of time or memory.
    """
    told = _run(script, moment)
    if told[0] == "X":
        raise StepFailed(told[1:])
    return told == "1"


def call(script: Script, moment: Moment) -> Answer:
    """Run a function with an event, answering what it asks the host for.

    Raises:
        StepFailed: it broke, ran out of time or memory, or returned something that means nothing.
    """
    console: list[str] = []
    told = _run(script, moment, console)
    kind, rest, lines = told[0], told[1:], tuple(console)
    if kind == "X":
        raise StepFailed(rest)
    if kind == "E":
        return Answer(error=rest, console=lines)
    return Answer(rest.encode() if kind == "P" else None, blocks=kind == "F", console=lines)


def expression_problem(code: str) -> str | None:
    """Say what is wrong with an expression, or None."""
    return _problem(code)


def function_problem(code: str) -> str | None:
    """Say what is wrong with a function, or None. It is read and not run: whatever it is shows when it is called."""
    problem = _problem(_without_end(code))
    if problem is None and "=>" not in code and "function" not in code:
        return "Expected a function, such as `async function (event) { … }`."
    return problem


@lru_cache(512)
def _problem(code: str) -> str | None:
    """Have the engine read code, here in the loop, and run nothing of it: behind the `throw` nothing is ever reached.

    What closes the bracket around it and opens another is no expression, and can't do that with two kinds of brackets.
    """
    context = quickjs.Context()
    context.set_memory_limit(16 << 20)
    context.set_time_limit(0.05)
    lines = code.count("\n") + 1
    for opening, closing in ("()", "[]"):
        try:
            context.eval(f"'use strict'; throw 0; (function (event) {{ return {opening}\n{code}\n{closing} }})")
        except quickjs.JSException as error:
            text = str(error)
            first = text.splitlines()[0] if text else ""
            if first == "0":
                continue
            found = _LINE.search(text)
            if found is None:
                return first[:300]
            line = max(1, int(found[1]) - 1)  # one line stands before the code
            if line > lines:
                return f"Line {lines}: SyntaxError: it ends too early."
            return f"Line {line}: {first}"[:300]
    return None


def _without_end(code: str) -> str:
    """Leave out a semicolon after the function, which some write and which no expression has."""
    return code.rstrip().rstrip(";")


def on_one_thread(name: str, work: Callable[[], None]) -> None:
    """Do something that runs several scripts, on one thread, so that it is gone to and back from once.

    ``work`` must not touch what belongs to the loop, nor wait. Under its ``name`` it is kept apart where it takes long.

    Raises:
        StepFailed: it took too long; what it has not done by then it does not do.
    """
    job = Job(NO_SCRIPT, "", inf, inf)
    job.work, job.key = work, name
    try:
        _pool().do(job, lambda calls: _answer(job.answering, calls))
    except GaveUp as error:
        raise StepFailed(str(error)) from None


def _run(script: Script, moment: Moment, console: list[str] | None = None) -> str:
    here = _here.get(get_ident())
    if here is not None:
        return _run_here(*here, script, moment, console)
    job = Job(script, moment.text, script.seconds, script.seconds * WALL + 0.2)
    job.answering = moment, console
    try:
        _pool().do(job, lambda calls: _answer(job.answering, calls))
    except GaveUp as error:
        raise StepFailed(str(error)) from None
    assert job.told
    return job.told


def _run_here(job: Job, realms: dict[Any, Any], script: Script, moment: Moment, console: list[str] | None) -> str:
    """Run a script on the thread that this is."""
    job.begin(script, moment.text, script.seconds, script.seconds * WALL + 0.2)
    job.answering = moment, console
    _run_script(job, realms)
    if job.given_up:
        raise Abandoned
    job.rest()
    return job.told


def _answer(of: tuple[Moment, list[str] | None], calls: str) -> str:
    """Do what a script asks of the host; returns ``[[id, succeeded, value or message], …]``."""
    moment, console = of
    answers: list[tuple[int, bool, Any]] = []
    try:
        asked = msgspec.json.decode(calls, type=list[Call])
    except (msgspec.DecodeError, RecursionError):
        raise StepFailed("What it handed to a helper is nested too deeply.") from None
    turns = Turns()
    for call in asked:
        turns.pause()
        if call.name == "console":
            if console is not None:
                console.append(str(call.arguments[0]))
            continue
        try:
            answers.append((call.id, True, moment.host.help(moment, call.name, call.arguments)))
        except ValueError as error:
            answers.append((call.id, False, str(error)))
    return msgspec.json.encode(answers).decode()


class Realm:
    """A script, loaded and ready, in a context of its own. It belongs to the thread that made it."""

    def __init__(self, script: Script) -> None:
        context = quickjs.Context()
        context.set_memory_limit(script.memory)
        context.set_max_stack_size(STACK)
        door = context.eval(_REALM)
        self._run, self._poll, self._settle = door("run"), door("poll"), door("settle")
        self._test, load = door("test"), door("load")
        self._next_job = context.execute_pending_job
        self._context = context
        self._script = script
        context.eval("Object.freeze(globalThis); undefined")
        context.set_time_limit(script.seconds * ENGINE + 0.02)
        load(_without_end(script.code), script.is_function)

    def run(self, job: Job) -> bool:
        """Run the script for a job, on this thread; say whether the realm can be used again."""
        if not self._script.is_function:
            job.told = self._test(job.text)
            return self._is_light(job)
        ends = job.cpu + self._script.seconds
        told, is_at_rest = self._run(job.text), False
        while True:
            if told[0] == "C":
                answers = job.ask(told[1:])
                if answers is None:
                    return False
                told, is_at_rest = self._settle(answers), False
            elif told == "W":
                if not self._jobs(ends):
                    job.told = "XThe promise that it returned never settles."
                    return False
                told, is_at_rest = self._poll(), True
            else:
                job.told = told
                return (is_at_rest or self._comes_to_rest()) and self._is_light(job)
            if told == "W" and time.thread_time() > ends:
                raise OutOfTime

    def _jobs(self, ends: float) -> bool:
        """Run what promises have made due; says whether there was anything."""
        done = 0
        while self._next_job():
            done += 1
            if done % JOBS_AT_ONCE == 0 and time.thread_time() > ends:
                raise OutOfTime
        return done > 0

    def _comes_to_rest(self) -> bool:
        return not all(self._next_job() for _ in range(LEFT_OVER))

    def _is_light(self, job: Job) -> bool:
        """Whether little memory is left in use: what refers to itself stays until the engine looks for it."""
        if monotonic() - job.began < KEPT_SECONDS or self.size <= KEPT_MOST:
            return True
        self._context.gc()
        return self.size <= KEPT_MOST

    @property
    def size(self) -> int:
        """Bytes of memory that are in use."""
        return int(self._context.memory()["malloc_size"])


class OutOfTime(Exception):
    """A script has computed for longer than it may."""


class Abandoned(Exception):
    """Nobody waits any more for what this thread does."""


def run_on_this_thread(job: Job, realms: dict[Any, Any]) -> None:
    """Do a job with the realms of this thread. Never raises."""
    if job.work is None:
        _run_script(job, realms)
        return
    ident = get_ident()
    _here[ident] = job, realms
    try:
        job.work()
    except Abandoned:
        pass
    finally:
        del _here[ident]


def _run_script(job: Job, realms: dict[Any, Any]) -> None:
    """Run a job's script. Never raises: what went wrong is what the job is told."""
    script = job.script
    realm = realms.pop(script, None)
    try:
        if realm is None:
            realm = Realm(script)
        job.ready()
        if realm.run(job):
            realms[script] = realm  # used last, let go last
    except OutOfTime:
        job.told = out_of_time(script)
    except quickjs.JSException as error:
        job.told = _broke(script, str(error))
    except Exception as error:  # the engine's own trouble must not end the thread
        job.told = f"XThe engine failed: {error!r}"[:ERROR_MOST]


def out_of_time(script: Script) -> str:
    return f"XIt ran out of time: it may compute for {script.seconds * 1000:g} ms."


def _broke(script: Script, error: str) -> str:
    first = error.splitlines()[0] if error else ""
    if "interrupted" in first:
        return out_of_time(script)
    if "memory" in first or first in ("", "null"):
        return f"XIt used more memory than it may: {script.memory >> 20} MiB."
    return f"X{first}"[:ERROR_MOST]


def _pool() -> Pool:
    """The threads of this loop, begun when first needed."""
    hub = get_hub()
    pool: Pool | None = getattr(hub, "_tidegate_scripts", None)
    if pool is None:
        pool = hub._tidegate_scripts = Pool(hub, run_on_this_thread, getattr(hub, "_tidegate_steps", None))
    return pool


def write_with(steps: Steps) -> None:
    """Have what comes of scripts written at the end of the event of the loop that brings it."""
    get_hub()._tidegate_steps = steps
