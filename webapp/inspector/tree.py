"""The open channels of a workspace as a tree of their segments: how many members, how much is said in each branch.

It is made when somebody looks, from what the channels count anyway, and shared by all who look within a second.
"""

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from heapq import nsmallest
from time import monotonic
from typing import Protocol

from gevent.lock import RLock

from .turns import in_turns

KEPT = 1.0
"""Seconds that a tree is shown to whoever looks."""
SHARE = 20
"""A tree is kept at least so many times as long as it took to make."""
SPAN = 10.0
"""Seconds, about, that a rate is taken over."""
FORGOTTEN = 60.0
"""Seconds after which counts of the last look say nothing of now."""
BRANCH_MOST = 100
"""Channels of one branch that are shown."""
ROWS_MOST = 200
DEPTH_MOST = 8
"""Segments that are branches of their own. What is deeper stays together: a name has room for more than a hundred."""


class Open(Protocol):
    """An open channel: ``messages`` grows with each message, from 0 when it opens."""

    name: str
    members: dict[str, object]
    messages: int


class Node:
    """A segment and what is below it; at the greatest depth, all that is left of a name.

    ``here`` are the members of the channel of this very name, None if it is not open. ``channels`` are the open ones
    here and below, ``members`` their memberships, ``said`` the messages since the counts that rates are taken from.
    """

    __slots__ = ("_first", "channels", "children", "here", "members", "name", "path", "said")

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self.path = path
        self.channels = self.members = self.said = 0
        self.here: int | None = None
        self.children: dict[str, Node] = {}
        self._first: list[Node] | None = None

    def child(self, name: str, is_top: bool) -> "Node":
        node = self.children.get(name)
        if node is None:
            node = self.children[name] = Node(name, name if is_top else f"{self.path}/{name}")
        return node

    @property
    def first(self) -> "list[Node]":
        """The first children by name."""
        if self._first is None:
            self._first = nsmallest(BRANCH_MOST, self.children.values(), key=lambda node: node.name)
        return self._first


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the tree. Where ``node`` is None, it stands for ``more`` siblings that are not shown.

    ``rate`` is in messages a minute, None while it is not known.
    """

    node: Node | None
    depth: int
    is_open: bool = False
    rate: float | None = None
    more: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """Channels that were searched for, and how many more there are."""

    rows: list[Row]
    total: int

    @property
    def more(self) -> int:
        return self.total - len(self.rows)


class Tree:
    """All open channels at a moment. ``elapsed`` are the seconds that ``said`` is about, 0 at the first look."""

    def __init__(self, elapsed: float) -> None:
        self.root = Node("", "")
        self.leaves: list[Node] = []
        self._elapsed = elapsed

    def add(self, name: str, members: int, said: int) -> None:
        """Add an open channel."""
        node = self.root
        path = [node]
        for depth, segment in enumerate(name.split("/", DEPTH_MOST - 1)):
            node = node.child(segment, depth == 0)
            path.append(node)
        node.here = members
        self.leaves.append(node)
        for node in path:
            node.channels += 1
            node.members += members
            node.said += said

    def rate(self, node: Node) -> float | None:
        """Messages a minute in a branch."""
        return node.said * 60 / self._elapsed if self._elapsed else None

    def rows(self, opened: Collection[str] = (), most: int = ROWS_MOST) -> list[Row]:
        """Lay out the branches that are opened, by their paths."""
        rows: list[Row] = []
        self._lay_out(self.root, 0, frozenset(opened), most, rows)
        return rows

    def _lay_out(self, node: Node, depth: int, opened: frozenset[str], most: int, rows: list[Row]) -> None:
        shown = 0
        for child in node.first:
            if len(rows) >= most:
                break
            is_open = child.path in opened and bool(child.children)
            rows.append(Row(child, depth, is_open, self.rate(child)))
            shown += 1
            if is_open:
                self._lay_out(child, depth + 1, opened, most, rows)
        if len(node.children) > shown:
            rows.append(Row(None, depth, more=len(node.children) - shown))

    def find(self, wanted: str, most: int = ROWS_MOST) -> Found:
        """Find open channels by a part of the name, in any case; those with most members first."""
        wanted = wanted.casefold()
        hits = [node for node in in_turns(self.leaves) if wanted in node.path.casefold()]
        first = nsmallest(most, hits, key=lambda node: (-(node.here or 0), node.path))
        return Found([Row(node, 0, rate=self._own_rate(node)) for node in first], len(hits))

    def _own_rate(self, node: Node) -> float | None:
        """The rate of a channel without those below it, which are channels of their own."""
        below = sum(child.said for child in node.children.values())
        return (node.said - below) * 60 / self._elapsed if self._elapsed else None


class Trees:
    """The trees of the workspaces that somebody looks at."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    def look(self, canonical: str, channels: Iterable[Open]) -> Tree:
        """Return a workspace's tree, at most a second old. Others get their turn of the loop while it is made.

        Args:
            canonical: whose channels.
            channels: those that are open now; gone through only if the tree has to be made.
        """
        kept = self._kept.setdefault(canonical, _Kept())
        with kept.making:  # who comes while it is made gets the same one
            now = monotonic()
            if kept.tree is None or now >= kept.until:
                kept.make(channels, now)
            assert kept.tree is not None
            return kept.tree


class _Kept:
    def __init__(self) -> None:
        self.making = RLock()
        self.tree: Tree | None = None
        self.until = 0.0
        self._counts: deque[tuple[float, dict[str, int]]] = deque()

    def make(self, channels: Iterable[Open], now: float) -> None:
        counts = self._counts
        if counts and now - counts[-1][0] > FORGOTTEN:
            counts.clear()
        at, before = counts[0] if counts else (now, {})
        tree = Tree(now - at)
        current: dict[str, int] = {}
        for channel in in_turns(channels):
            members, messages, name = len(channel.members), channel.messages, channel.name
            if not members:
                continue  # closed meanwhile
            current[name] = messages
            earlier = before.get(name, 0)
            # Fewer than before: it closed and opened again.
            tree.add(name, members, messages - earlier if messages >= earlier else messages)
        if not counts or now - counts[-1][0] >= SPAN / 2:
            counts.append((now, current))
        while len(counts) > 1 and counts[1][0] <= now - SPAN:
            counts.popleft()
        self.tree = tree
        done = monotonic()
        self.until = done + max(KEPT, (done - now) * SHARE)
