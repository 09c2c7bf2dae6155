"""Reading and writing files of settings and tests, as JSON or YAML."""

import os
import sys
from pathlib import Path
from typing import Any

from ..services import notations
from ..services.notations import LARGEST, Notation, NotationError
from .group import Failed, Refused

YAML_ENDINGS = (".yaml", ".yml")


def read_document(path: str) -> Any:
    """Read a document from a file, or from the input for ``-``.

    Raises:
        Refused: no such file, empty, too large, not text, neither JSON nor YAML.
    """
    notation = Notation.YAML if path.endswith(YAML_ENDINGS) else None
    try:
        return notations.read(read_text(path), notation)
    except NotationError as error:
        raise Refused(f"{path} {error}") from None


def write_document(path: str, document: Any) -> None:
    """Write a document to a file (whole, or not at all), or to the output for ``-``; YAML by the name's ending.

    Raises:
        Failed: it can't be written.
    """
    text = notations.write(document, Notation.YAML if path.endswith(YAML_ENDINGS) else Notation.JSON)
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
