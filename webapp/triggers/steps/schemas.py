"""Whether a JSON Schema is one that every payload can be held against in a moment.

The library that checks payloads can't be stopped and lets nobody else run meanwhile. What makes checking take for ever
is a schema that refers to its parts in many ways: through all of them, or once more at every level of a payload.
"""

from collections.abc import Iterator
from typing import Any

PARTS_MOST = 1_000
"""Parts of a schema, with everything that it refers to written out; long lists of values count as parts."""
CIRCLES_MOST = 50
_LISTS = ("allOf", "anyOf", "oneOf")
_HERE = ("not", "if", "then", "else")
_HERE_BY_NAME = ("dependentSchemas", "dependencies")
_ITEMS = ("items", "prefixItems", "additionalItems", "contains", "unevaluatedItems")
_FIELDS = ("additionalProperties", "unevaluatedProperties")
_BELOW = "*"
"""Any field of an object; items of lists are ``[]``."""
TOO_MANY = f"It has more than {PARTS_MOST:,} parts, counting what it refers to each time: checking would take too long."
IN_CIRCLES = "It refers back to itself in more than one way for the same value: checking could take for ever."

Place = tuple[str, ...]


class _Problem(Exception):
    pass


def schema_problem(schema: Any) -> str | None:
    """Say why checking against a schema could take too long, or None."""
    walk = _Walk(schema)
    try:
        walk.visit(schema, (), ())
    except _Problem as problem:
        return str(problem)
    except RecursionError:
        return TOO_MANY
    circles = sorted(walk.circles)
    if len(circles) > CIRCLES_MOST or any(_meet(a, b) for i, a in enumerate(circles) for b in circles[:i]):
        return IN_CIRCLES
    return None


class _Walk:
    """Walks through a schema as checking does. ``circles`` are the places of values where it comes back to a part."""

    def __init__(self, root: Any) -> None:
        self.circles: list[Place] = []
        self._root = root
        self._parts = 0

    def visit(self, schema: Any, place: Place, within: tuple[int, ...]) -> None:
        if not isinstance(schema, dict):
            return
        if id(schema) in within:
            self.circles.append(place)
            return
        values = schema.get("enum")
        self._parts += 1 + (len(values) if isinstance(values, list) else 0)
        if self._parts > PARTS_MOST:
            raise _Problem(TOO_MANY)
        within = (*within, id(schema))
        for part, below in self._parts_of(schema):
            self.visit(part, (*place, below) if below else place, within)

    def _parts_of(self, schema: dict[str, Any]) -> Iterator[tuple[Any, str]]:
        """Yield each part with the place of the values that it is about, empty for the same value."""
        for name in ("$dynamicRef", "$recursiveRef"):
            if name in schema:
                raise _Problem(f"`{name}` can't be used here; refer to parts as `#/$defs/name`.")
        if isinstance(schema.get("$ref"), str):
            yield self._referred(schema["$ref"]), ""
        for name in _LISTS:
            for part in _list(schema.get(name)):
                yield part, ""
        for name in _HERE:
            yield schema.get(name), ""
        for name in _HERE_BY_NAME:
            for part in _object(schema.get(name)).values():
                yield part, ""
        for name in _ITEMS:
            for part in _list(schema.get(name)) or [schema.get(name)]:
                yield part, "[]"
        yield schema.get("propertyNames"), "key"
        for name in _FIELDS:
            yield schema.get(name), _BELOW
        for part in _object(schema.get("patternProperties")).values():
            yield part, _BELOW
        for field, part in _object(schema.get("properties")).items():
            yield part, f".{field}"

    def _referred(self, reference: str) -> Any:
        if reference != "#" and not reference.startswith("#/"):
            raise _Problem(f"`{reference[:100]}`: only parts of this schema can be referred to, as `#/$defs/name`.")
        found = self._root
        for name in reference.split("/")[1:]:
            name = name.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and name.isascii() and name.isdigit() and int(name) < len(found):
                found = found[int(name)]
            elif isinstance(found, dict) and name in found:
                found = found[name]
            else:
                raise _Problem(f"`{reference[:100]}` leads nowhere.")
        return found


def _meet(one: Place, other: Place) -> bool:
    """Whether there can be a value at both places, or at one on the way to the other."""
    return all(a == b or (_BELOW in (a, b) and not {"[]", "key"} & {a, b}) for a, b in zip(one, other, strict=False))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
