"""Channel names and the targets of rules: parse, match, compare, overlap.

A target is either an exact channel name or, with *nested channels*, a pattern of segments separated by
``/`` in which ``*`` stands for a whole segment: in the middle for exactly one that is not empty, at the
end for everything below, at least one character.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

CHANNEL_MAX_LENGTH = 255
# C0, DEL and C1 controls, and lone surrogates, which no UTF-8 frame can carry back.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class TargetError(ValueError):
    """A target that can't be one; the message says what to write instead."""


def channel_problem(name: str) -> str | None:
    """Say what is wrong with a channel name, or None: 1–255 characters, no control characters."""
    if not name:
        return "A channel name can't be empty."
    if len(name) > CHANNEL_MAX_LENGTH:
        return f"A channel name has at most {CHANNEL_MAX_LENGTH} characters; this one has {len(name)}."
    if _FORBIDDEN.search(name):
        return "A channel name can't hold control characters."
    return None


@dataclass(frozen=True, slots=True)
class Target:
    """The channel name or pattern of a rule. Make one with :func:`parse_target`."""

    text: str
    nested: bool = False

    @property
    def segments(self) -> tuple[str, ...]:
        return tuple(self.text.split("/"))

    def matches(self, channel: str) -> bool:
        """Whether the rule with this target speaks about ``channel``."""
        if not self.nested:
            return channel == self.text
        pattern = self.segments
        names = channel.split("/")
        last = len(pattern) - 1
        for i, segment in enumerate(pattern):
            if i >= len(names):
                return False
            if segment != "*":
                if names[i] != segment:
                    return False
            elif i == last:
                # Everything below: at least one character, so `a/*` covers `a//b` but not `a/`.
                return len(names) > i + 1 or names[i] != ""
            elif names[i] == "":
                return False
        return len(names) == len(pattern)

    @property
    def precedence(self) -> tuple[int, ...]:
        """Sort key among the targets that match one channel: the smallest decides.

        An exact name beats every pattern. Between patterns, segment by segment from the left, a literal
        beats a middle ``*`` and a middle ``*`` beats a trailing one.
        """
        if not self.nested:
            return (-1,)
        last = len(self.segments) - 1
        return tuple(0 if s != "*" else 2 if i == last else 1 for i, s in enumerate(self.segments))

    def overlaps(self, other: "Target") -> bool:
        """Whether some channel is matched by both."""
        if not self.nested:
            return other.matches(self.text)
        if not other.nested:
            return self.matches(other.text)
        return _overlap(self.segments, other.segments)

    def params(self, channel: str) -> tuple[str, ...]:
        """What each ``*`` stood for in a channel that matches."""
        return _stood_for(self.text, channel) if self.nested else ()

    def __str__(self) -> str:
        return self.text


@lru_cache(4096)
def _stood_for(pattern: str, channel: str) -> tuple[str, ...]:
    segments, names = pattern.split("/"), channel.split("/")
    last = len(segments) - 1
    return tuple("/".join(names[i:]) if i == last else names[i] for i, segment in enumerate(segments) if segment == "*")


def _overlap(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    for i in range(max(len(a), len(b))):
        a_rest = i == len(a) - 1 and a[i] == "*"
        b_rest = i == len(b) - 1 and b[i] == "*"
        if a_rest and b_rest:
            return True
        if a_rest:
            return _rest_can_be_filled(b[i:])
        if b_rest:
            return _rest_can_be_filled(a[i:])
        if i >= len(a) or i >= len(b):
            return False
        if a[i] != b[i] and "*" not in (a[i], b[i]):
            return False
        if a[i] != b[i] and "" in (a[i], b[i]):  # a middle `*` is never empty
            return False
    return True


def _rest_can_be_filled(segments: tuple[str, ...]) -> bool:
    return len(segments) > 1 or (len(segments) == 1 and segments[0] != "")


def parse_target(text: str, nested: bool) -> Target:
    """Make a target from what an admin wrote.

    A nested target without ``*`` gets ``/*`` appended, as Xano does.

    Raises:
        TargetError: empty, too long, control characters, or ``*`` beside other characters in a segment.
    """
    problem = channel_problem(text)
    if problem:
        raise TargetError(problem.replace("A channel name", "A target"))
    if not nested:
        return Target(text)
    segments = text.split("/")
    for index, segment in enumerate(segments):
        if "*" in segment and segment != "*":
            instead = "/".join("*" if "*" in s else s for s in segments)
            rest = segment.replace("*", "")
            below = "/".join((*segments[:index], rest))
            raise TargetError(
                f"`*` stands for a whole segment, so `{segment}` can't be used. "
                f"Write `{instead}` to match any segment there"
                + (f", or `{below}/*` for everything below `{below}`." if rest else ".")
            )
    if "*" not in segments:
        text = text + "*" if text.endswith("/") else text + "/*"
        if len(text) > CHANNEL_MAX_LENGTH:
            raise TargetError(f"A target has at most {CHANNEL_MAX_LENGTH} characters, with the `/*` that nesting adds.")
    return Target(text, nested=True)


def parse_authorized_channel(text: str) -> Target:
    """Read one entry of a token's ``authorized_channels``: a pattern if it holds a ``*`` segment, else a name.

    Raises:
        TargetError: as :func:`parse_target`.
    """
    return parse_target(text, nested="*" in text)
