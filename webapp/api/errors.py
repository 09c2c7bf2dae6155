"""Every error of the JSON API: its code, its status, and the one form in which it is answered."""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec
from flask import Blueprint, Flask, Response, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from ..realtime.history import StoreError
from ..realtime.server_events import StorageUnavailable
from ..services.errors import Conflict, InvalidInput, NotFound, SecretKeyMismatch, ServiceError

_log = logging.getLogger("tidegate.api")


class ErrorCode(StrEnum):
    """Why a request was not done. Stable; where the sockets know the same reason, it has the same name there."""

    INVALID_JSON = "invalid_json"
    INVALID_ADDRESS = "invalid_address"
    KEY_MISSING = "key_missing"
    KEY_INVALID = "key_invalid"
    SCOPE_MISSING = "scope_missing"
    NOT_FOUND = "not_found"
    UNKNOWN_WORKSPACE = "unknown_workspace"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    CONFLICT = "conflict"
    VERSION_CONFLICT = "version_conflict"
    BODY_TOO_LARGE = "body_too_large"
    MESSAGE_TOO_LARGE = "message_too_large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    INVALID_INPUT = "invalid_input"
    RATE_LIMITED = "rate_limited"
    STORAGE_UNAVAILABLE = "storage_unavailable"
    NOT_SERVING = "not_serving"
    INTERNAL_ERROR = "internal_error"

    @property
    def status(self) -> int:
        return ERRORS[self].status

    @property
    def sentence(self) -> str:
        return ERRORS[self].sentence


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    status: int
    sentence: str


ERRORS: dict[ErrorCode, ErrorInfo] = {
    ErrorCode.INVALID_JSON: ErrorInfo(400, "The body is not JSON."),
    ErrorCode.INVALID_ADDRESS: ErrorInfo(400, "The address can't be read: write `%` as `%25`, and names in UTF-8."),
    ErrorCode.KEY_MISSING: ErrorInfo(401, "This needs an API key: `Authorization: Bearer tg_…`."),
    ErrorCode.KEY_INVALID: ErrorInfo(401, "This API key is not valid, or was revoked."),
    ErrorCode.SCOPE_MISSING: ErrorInfo(403, "This API key may not do that."),
    ErrorCode.NOT_FOUND: ErrorInfo(404, "There is nothing at this address."),
    # The same for a workspace that does not exist and for one that the key does not belong to.
    ErrorCode.UNKNOWN_WORKSPACE: ErrorInfo(404, "There is no such workspace."),
    ErrorCode.METHOD_NOT_ALLOWED: ErrorInfo(405, "This address does not answer to this method."),
    ErrorCode.CONFLICT: ErrorInfo(409, "This can't be done in the present state."),
    ErrorCode.VERSION_CONFLICT: ErrorInfo(412, "Another version of the rules is in force than the one named."),
    ErrorCode.BODY_TOO_LARGE: ErrorInfo(413, "The body is larger than this address takes."),
    ErrorCode.MESSAGE_TOO_LARGE: ErrorInfo(413, "The message is larger than the server accepts."),
    ErrorCode.UNSUPPORTED_MEDIA_TYPE: ErrorInfo(415, "Send the body as `Content-Type: application/json` in UTF-8."),
    ErrorCode.INVALID_INPUT: ErrorInfo(422, "Something in this request can't be used."),
    ErrorCode.RATE_LIMITED: ErrorInfo(429, "Too many requests: wait as long as Retry-After says."),
    ErrorCode.STORAGE_UNAVAILABLE: ErrorInfo(503, "The database could not be used just now. Try again."),
    ErrorCode.NOT_SERVING: ErrorInfo(503, "The server is starting or shutting down. Try again."),
    ErrorCode.INTERNAL_ERROR: ErrorInfo(500, "Something went wrong on the server. The log says more."),
}

_BY_STATUS = {
    400: ErrorCode.INVALID_JSON,
    404: ErrorCode.NOT_FOUND,
    405: ErrorCode.METHOD_NOT_ALLOWED,
    413: ErrorCode.BODY_TOO_LARGE,
    415: ErrorCode.UNSUPPORTED_MEDIA_TYPE,
    429: ErrorCode.RATE_LIMITED,
}


class ProblemOut(msgspec.Struct, rename={"where": "path"}):
    """One thing that is wrong. ``path`` is its place, such as ``channels[2].pattern``."""

    where: str
    message: str


class ErrorOut(msgspec.Struct, omit_defaults=True):
    code: str
    message: str
    problems: list[ProblemOut] = []


class ErrorAnswer(msgspec.Struct):
    """The form of every error."""

    error: ErrorOut


class ApiError(Exception):
    """A request is refused; nothing was changed. ``problems`` maps places in the request to what is wrong there."""

    def __init__(
        self,
        code: ErrorCode,
        message: str | None = None,
        problems: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.code = code
        self.problems = {path: text for path, text in (problems or {}).items() if path}
        whole = (problems or {}).get("")
        self.message = message or whole or code.sentence
        self.headers = dict(headers or {})
        super().__init__(self.message)


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Write an answer as JSON. Nothing of the API may be kept by a cache."""
    try:
        body = msgspec.json.encode(value)
    except UnicodeEncodeError:  # a token's claims may hold half a surrogate pair, which only an escape can carry
        body = json.dumps(msgspec.to_builtins(value)).encode("ascii")
    response = Response(body, status, dict(headers or {}), mimetype="application/json")
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def init_app(app: Flask, blueprint: Blueprint, prefix: str) -> None:
    """Answer every error below ``prefix`` in the API's form, those that no view has seen too."""
    app.register_error_handler(ApiError, _refused)  # for the metrics, whose key is one of the API's
    blueprint.register_error_handler(ApiError, _refused)
    blueprint.register_error_handler(ServiceError, _refused_by_service)
    blueprint.register_error_handler(StorageUnavailable, _storage_unavailable)
    blueprint.register_error_handler(StoreError, _storage_unavailable)
    blueprint.register_error_handler(OperationalError, _storage_unavailable)
    blueprint.register_error_handler(RequestEntityTooLarge, _too_large)
    blueprint.register_error_handler(Exception, _failed)

    @app.after_request
    def only_json(response: Response) -> Response:
        # An unknown path or method never reaches the blueprint: Flask answers those in HTML, redirects too.
        if not request.path.startswith(prefix) or response.status_code < 300 or response.mimetype != "text/html":
            return response
        status = 404 if response.status_code < 400 else response.status_code
        kept = {name: value for name, value in response.headers.items() if name in ("Allow", "Retry-After")}
        return _refused(ApiError(_BY_STATUS.get(status, ErrorCode.INTERNAL_ERROR), headers=kept))


def _refused(error: ApiError) -> Response:
    problems = [ProblemOut(path, message) for path, message in error.problems.items()]
    body = ErrorAnswer(ErrorOut(error.code.value, error.message, problems))
    return answer(body, error.code.status, error.headers)


def _refused_by_service(error: ServiceError) -> Response:
    return _refused(ApiError(_code_of(error), problems=error.problems))


def _code_of(error: ServiceError) -> ErrorCode:
    kinds: Iterable[tuple[type[ServiceError], ErrorCode]] = (
        (InvalidInput, ErrorCode.INVALID_INPUT),
        (NotFound, ErrorCode.NOT_FOUND),
        (Conflict, ErrorCode.CONFLICT),
        (SecretKeyMismatch, ErrorCode.NOT_SERVING),
    )
    return next((code for kind, code in kinds if isinstance(error, kind)), ErrorCode.INVALID_INPUT)


def _storage_unavailable(error: Exception) -> Response:
    _log.error("%s %s: the database could not be used", request.method, request.path, exc_info=error)
    return _refused(ApiError(ErrorCode.STORAGE_UNAVAILABLE, headers={"Retry-After": "1"}))


def _too_large(_error: RequestEntityTooLarge) -> Response:
    return _refused(ApiError(ErrorCode.BODY_TOO_LARGE))


def _failed(error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.code is not None and error.code < 500:
        return _refused(ApiError(_BY_STATUS.get(error.code, ErrorCode.INVALID_INPUT)))
    _log.exception("%s %s failed", request.method, request.path, exc_info=error)
    return _refused(ApiError(ErrorCode.INTERNAL_ERROR))
