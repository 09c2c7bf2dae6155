"""Reading and writing settings documents, as JSON or YAML."""

import json
import os
import sys
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from .group import Failed, Refused

LARGEST = 16 * 1024 * 1024


class _Loader(yaml.SafeLoader):
    """YAML without objects, and without names that are there twice (the parser would take the last)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        names = [self.construct_object(key, deep=True) for key, _ in node.value]
        _refuse_doubled([name for name in names if isinstance(name, Hashable)])
        return super().construct_mapping(node, deep)


def read_document(path: str) -> Any:
    """Read a document from a file, or from the input for ``-``.

    Raises:
        Refused: no such file, empty, too large, not text, neither JSON nor YAML.
    """
    text = read_text(path)
    try:
        if text.lstrip().startswith(("{", "[")) and not path.endswith((".yaml", ".yml")):
            return json.loads(text, object_pairs_hook=_object)
        return yaml.load(text, _Loader)
    except json.JSONDecodeError as error:
        raise Refused(f"{path} is not JSON: {error}.") from None
    except yaml.YAMLError as error:
        raise Refused(f"{path} is neither JSON nor YAML: {' '.join(str(error).split())}.") from None
    except (ValueError, RecursionError, OverflowError, TypeError) as error:
        raise Refused(f"{path} can't be read: {error}.") from None


def write_document(path: str, document: dict[str, Any]) -> None:
    """Write a document to a file (whole, or not at all), or to the output for ``-``; YAML by the name's ending.

    Raises:
        Failed: it can't be written.
    """
    if path.endswith((".yaml", ".yml")):
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    else:
        text = json.dumps(document, indent=2) + "\n"
    if path == "-":
        sys.stdout.write(text)
        return
    aside = Path(f"{path}.{os.getpid()}.new")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise Failed(f"{path} can't be written: {error.strerror or error}.") from None


def read_text(path: str) -> str:
    try:
        if path == "-":
            data = sys.stdin.buffer.read(LARGEST + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(LARGEST + 1)
    except OSError as error:
        raise Refused(f"{path} can't be read: {error.strerror or error}.") from None
    if len(data) > LARGEST:
        raise Refused(f"{path} is larger than {LARGEST // 1024 // 1024} MiB.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Refused(f"{path} is not a text in UTF-8.") from None
    if not text.strip():
        raise Refused(f"{path} is empty.")
    return text


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    _refuse_doubled([name for name, _ in pairs])
    return dict(pairs)


def _refuse_doubled(names: list[Any]) -> None:
    if len(set(names)) != len(names):
        doubled = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"`{doubled}` is there twice in one object")
