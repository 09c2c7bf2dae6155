"""How settings and tests are written down: as JSON or as YAML, read strictly."""

import json
import threading
from collections.abc import Callable, Hashable
from enum import StrEnum
from typing import Any

import yaml
from gevent import get_hub
from yaml.composer import Composer

LARGEST = 16 * 1024 * 1024
"""Bytes of a text that is read."""


class Notation(StrEnum):
    """A way of writing a document down; the value is also the ending of its files."""

    JSON = "json"
    YAML = "yaml"


NUMBER_MOST = 20
"""Characters of a number."""
_one_at_a_time = threading.Lock()


class NotationError(ValueError):
    """A text that can't be read. The message goes on where the text's name ends: "is not JSON: …"."""


class _Refused(ValueError):
    """Something that YAML knows and that is not taken."""


class _Strict(Composer, yaml.CSafeLoader):
    """YAML without objects, without aliases, and without names that are there twice (the last would be taken).

    libyaml's parser is many times faster than the one in Python; its composer can't be told to refuse aliases.
    """

    def __init__(self, text: str) -> None:
        yaml.CSafeLoader.__init__(self, text)
        Composer.__init__(self)

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            alias: Any = self.peek_event()
            raise _Refused(f"line {alias.start_mark.line + 1} holds an alias, which is not taken: write it out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key, name in zip(node.value, names):
            if not isinstance(name, str):
                raise _Refused(f"line {key[0].start_mark.line + 1} holds a name that is no text")
        _refuse_doubled(names)
        made: dict[Hashable, Any] = super().construct_mapping(node, deep)
        return made

    def number(self, node: yaml.ScalarNode) -> Any:
        """Read a number as JSON has it: YAML's, with colons or without end, take minutes of computing."""
        text = self.construct_scalar(node)
        if len(text) > NUMBER_MOST or ":" in text:
            raise _Refused(f"line {node.start_mark.line + 1} holds a number that is not taken: put it into quotes")
        return self.construct_yaml_float(node) if node.tag.endswith("float") else self.construct_yaml_int(node)


for _kind in ("int", "float"):
    _Strict.add_constructor(f"tag:yaml.org,2002:{_kind}", _Strict.number)


def read(text: str, notation: Notation | None = None) -> Any:
    """Read a document. Without a notation, what begins with a bracket is JSON and anything else YAML.

    Raises:
        NotationError: it is neither, is nested too deeply, or holds what is not taken.
    """
    if notation is None:
        notation = Notation.JSON if text.lstrip().startswith(("{", "[")) else Notation.YAML
    try:
        if notation is Notation.JSON:
            return json.loads(text, object_pairs_hook=_object)
        return _apart(_load, text)
    except json.JSONDecodeError as error:
        raise NotationError(f"is not JSON: line {error.lineno}, column {error.colno}: {error.msg}.") from None
    except yaml.YAMLError as error:
        raise NotationError(f"is neither JSON nor YAML: {' '.join(str(error).split())}.") from None
    except RecursionError:
        raise NotationError("can't be read: it is nested too deeply.") from None
    except (ValueError, OverflowError, TypeError, LookupError, AttributeError) as error:
        raise NotationError(f"can't be read: {error}.") from None


def write(document: Any, notation: Notation) -> str:
    """Write a document down so that it can be read again."""
    if notation is Notation.YAML:
        return str(_apart(_dump, document))
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _apart(function: Callable[[Any], Any], argument: Any) -> Any:
    """Call in a thread of its own: YAML of many rules takes a second, in which no message may wait."""

    def tried() -> tuple[Any, Exception | None]:
        try:
            return function(argument), None
        except Exception as error:  # what ends a thread is written into the log
            return None, error

    with _one_at_a_time:  # these threads also hash passwords
        made, error = get_hub().threadpool.apply(tried)
    if error is not None:
        raise error
    return made


def _dump(document: Any) -> str:
    written: str = yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=120)
    return written


def _load(text: str) -> Any:
    loader = _Strict(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _refuse_doubled([name for name, _ in pairs])
    return dict(pairs)


def _refuse_doubled(names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise _Refused(f"`{name}` is there twice in one object")
        seen.add(name)
