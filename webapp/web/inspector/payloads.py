"""A payload as a tree that can be folded, bounded however large or deep it is."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from ..wording import count, printable

NODES_MOST = 400
DEPTH_MOST = 12
TEXT_MOST = 2_000
"""Characters of one value that the tree shows."""
UNFOLDED = 12
"""Entries up to which an object or a list is unfolded at first."""
READ_MOST = 128 * 1024
"""Characters up to which a tree is made: reading what is larger would hold everybody up."""


@dataclass(slots=True)
class Node:
    """A value: ``children`` is None for one without. ``brief`` says what it is, or what an object holds."""

    name: str | None
    kind: str
    brief: str
    children: "list[Node] | None" = None
    open: bool = False
    left_out: int = 0
    shown: int = 0
    cut: bool = False


def tree_of(text: str | None) -> Node | None:
    """Make the tree of a JSON text; None where there is none, it is none, or it is too large."""
    if text is None or len(text) > READ_MOST:
        return None
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    left = [NODES_MOST]
    root = _node(None, value, 0, left)
    root.shown, root.cut = NODES_MOST - left[0], left[0] <= 0
    return root


def _node(name: str | None, value: Any, depth: int, left: list[int]) -> Node:
    left[0] -= 1
    if not isinstance(value, dict | list):
        return _leaf(name, value)
    items: Iterable[tuple[object, Any]] = value.items() if isinstance(value, dict) else enumerate(value)
    kind = "object" if isinstance(value, dict) else "list"
    nouns = ("field", None) if kind == "object" else ("entry", "entries")
    node = Node(name, kind, count(len(value), *nouns), [], depth < 2 and len(value) <= UNFOLDED)
    assert node.children is not None
    for key, inner in items:
        if left[0] <= 0 or depth >= DEPTH_MOST:
            node.left_out = len(value) - len(node.children)
            break
        node.children.append(_node(printable(str(key)), inner, depth + 1, left))
    return node


def _leaf(name: str | None, value: Any) -> Node:
    text = printable(msgspec.json.encode(value).decode()) if not isinstance(value, str) else f'"{printable(value)}"'
    kind = "text" if isinstance(value, str) else "number" if isinstance(value, int | float) else "word"
    kind = "word" if isinstance(value, bool) else kind
    return Node(name, kind, text if len(text) <= TEXT_MOST else f"{text[:TEXT_MOST]}… ({len(text):,} characters)")
