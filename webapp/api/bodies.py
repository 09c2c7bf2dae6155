"""Reading what a request carries: its body and its query, checked against Structs."""

import re
from typing import TypeVar

import msgspec
from flask import request

from .errors import ApiError, ErrorCode

T = TypeVar("T", bound=msgspec.Struct)
BODY_MOST = 256 * 1024
"""Bytes a body may have where a route says nothing else."""

_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `(?P<key>key in )?\$?(?P<path>[^`]*)`)?$", re.DOTALL)
_FIELD = re.compile(r"(?:unknown field|missing required field) `(?P<name>[^`]*)`")


def read_body(kind: type[T], most: int = BODY_MOST) -> T:
    """Read the body as JSON of one kind: types are strict, fields that nobody knows are refused.

    Raises:
        ApiError: 400 for what is not JSON, 413, 415, 422 with the place of what can't be used.
    """
    raw = read_bytes(most)
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise ApiError(ErrorCode.INVALID_INPUT, problems=problem_of(error)) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise not_json(error) from None


def read_bytes(most: int) -> bytes:
    """Return the body, which has to be UTF-8 and say that it is JSON.

    Raises:
        ApiError: 400, 413, 415.
    """
    if request.mimetype != "application/json" and not request.mimetype.endswith("+json"):
        raise ApiError(ErrorCode.UNSUPPORTED_MEDIA_TYPE)
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if charset not in ("utf-8", "utf8") or request.headers.get("Content-Encoding", "identity") != "identity":
        raise ApiError(ErrorCode.UNSUPPORTED_MEDIA_TYPE)
    # One more than allowed: of a body in chunks Werkzeug silently passes on as much as it may have.
    request.max_content_length = most + 1
    raw = request.get_data(cache=False)
    if len(raw) > most:
        raise ApiError(ErrorCode.BODY_TOO_LARGE)
    if not raw:
        raise ApiError(ErrorCode.INVALID_JSON, "The body is empty; JSON was expected.")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ApiError(ErrorCode.INVALID_JSON, "The body is not UTF-8.") from None
    return raw


def read_query(kind: type[T]) -> T:
    """Read the query of the address.

    Raises:
        ApiError: 422 for a parameter that nobody knows or that has the wrong type, or stands there twice.
    """
    given = request.args
    twice = {name: "This stands there more than once." for name in given if len(given.getlist(name)) > 1}
    if twice:
        raise ApiError(ErrorCode.INVALID_INPUT, problems=twice)
    try:
        return msgspec.convert(given.to_dict(), kind, strict=False)
    except msgspec.ValidationError as error:
        raise ApiError(ErrorCode.INVALID_INPUT, problems=problem_of(error)) from None


def not_json(error: Exception) -> ApiError:
    """Say what keeps a body from being JSON."""
    if isinstance(error, RecursionError):
        return ApiError(ErrorCode.INVALID_JSON, "The body is nested too deeply.")
    return ApiError(ErrorCode.INVALID_JSON, f"The body is not JSON: {error}.")


def problem_of(error: msgspec.ValidationError) -> dict[str, str]:
    """Turn msgspec's message into the place and what is wrong there."""
    found = _PLACE.match(str(error))
    assert found is not None
    path = (found["path"] or "").lstrip(".")
    what = found["what"]
    field = _FIELD.search(what)
    if field is not None:
        path = f"{path}.{field['name']}" if path else field["name"]
        what = "There is no such field" if "unknown" in what else "This is missing"
    return {path: f"{what}."} if path else {"": f"The body can't be used: {what[:1].lower()}{what[1:]}."}
