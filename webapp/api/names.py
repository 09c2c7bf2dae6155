"""Names in addresses: a channel's name may hold ``/``, and comes percent-encoded or bare.

The WSGI path is decoded already, so ``a%2Fb`` and ``a/b`` look the same in it. The server also passes on the request
line as it came: names are read from that.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote_to_bytes, urlsplit

from werkzeug.routing import BaseConverter

from .errors import ApiError, ErrorCode


class AnyName(BaseConverter):
    """A variable of a route that takes ``/`` too, also at its beginning, and may be empty."""

    regex = "(?s:.*?)"
    weight = 300
    part_isolating = False


class Digits(BaseConverter):
    """A variable of a route that takes the digits of a message's id alone, so that ``members`` is none."""

    regex = "[0-9]{1,18}"


def read_names(environ: Mapping[str, Any], template: str, open_name: str | None) -> dict[str, str]:
    """Read the variables of a route's template, such as ``/a/{canonical}/channels/{channel}/members``.

    Args:
        environ: the request's WSGI environment.
        template: the route, from the root.
        open_name: the one variable that may span several segments, if there is one. It is what lies between the
            segments before and after it, so percent-encoding says exactly what is meant and bare slashes work too.

    Raises:
        ApiError: the address means something else when read exactly, or is no UTF-8.
    """
    parts, wanted = _raw_path(environ).split("/"), template.split("/")
    names: dict[str, str] = {}
    if open_name is not None:
        at = wanted.index("{" + open_name + "}")
        after = len(wanted) - at - 1
        if len(parts) < len(wanted):
            raise ApiError(ErrorCode.NOT_FOUND)
        end = len(parts) - after
        names[open_name] = "/".join(_decode(part) for part in parts[at:end])
        parts[at:end] = [""]
    if len(parts) != len(wanted):
        raise ApiError(ErrorCode.NOT_FOUND)
    for part, want in zip(parts, wanted):
        text = _decode(part)
        if want.startswith("{"):
            names.setdefault(want[1:-1], text)
        elif want != text:
            raise ApiError(ErrorCode.NOT_FOUND)
    return names


def _raw_path(environ: Mapping[str, Any]) -> str:
    raw = environ.get("RAW_URI")
    if not raw:  # a server that does not pass it on: then slashes are what they look like
        return quote(environ["PATH_INFO"].encode("latin-1"))
    if not raw.startswith("/"):  # the absolute form: `GET http://host/path`
        raw = urlsplit(raw)._replace(scheme="", netloc="").geturl()
    path: str = raw.partition("?")[0].partition("#")[0]
    return path.removeprefix(environ.get("SCRIPT_NAME", ""))


def _decode(part: str) -> str:
    try:
        raw = part.encode("latin-1")  # bytes that a client did not encode
        text = unquote_to_bytes(raw).decode("utf-8")
    except UnicodeError:
        raise ApiError(ErrorCode.INVALID_ADDRESS) from None
    if raw.count(b"%") != sum(_is_escape(raw, i) for i, byte in enumerate(raw) if byte == 0x25):
        raise ApiError(ErrorCode.INVALID_ADDRESS)
    return text


def _is_escape(raw: bytes, at: int) -> bool:
    digits = raw[at + 1 : at + 3]
    return len(digits) == 2 and all(chr(digit) in "0123456789abcdefABCDEF" for digit in digits)
