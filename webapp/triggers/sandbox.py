"""JavaScript of triggers, in quickjs-ng on threads of its own: no input or output, bounded in time and memory."""

import msgspec

from .moment import Json, Moment


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


class Answer(msgspec.Struct, frozen=True):
    """What a function came to. ``payload`` is None where it changed nothing; ``error`` is the message it threw."""

    payload: Json | None = None
    blocks: bool = False
    error: str | None = None


def expression_problem(code: str) -> str | None:
    """Say what is wrong with an expression, or None."""
    raise NotImplementedError


def function_problem(code: str) -> str | None:
    """Say what is wrong with a function, or None."""
    raise NotImplementedError


def is_true(script: Script, moment: Moment) -> bool:
    """Whether an expression is true of an event. Raises ``StepFailed``."""
    raise NotImplementedError


def call(script: Script, moment: Moment) -> Answer:
    """Run a function with an event. Raises ``StepFailed``."""
    raise NotImplementedError
