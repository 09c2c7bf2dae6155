"""The OpenAPI 3.1 document, made from the route table and the Structs that check bodies and write answers."""

import inspect
from functools import cache
from typing import Any

import msgspec

from .broadcast import ONE, BroadcastIn, BroadcastRefused
from .errors import ERRORS, ErrorAnswer, ErrorCode
from .health import Readiness
from .routes import ROUTES, Nothing, Route

_REF = "#/components/schemas/{name}"
_ALWAYS = (
    ErrorCode.INVALID_ADDRESS,
    ErrorCode.KEY_MISSING,
    ErrorCode.KEY_INVALID,
    ErrorCode.SCOPE_MISSING,
    ErrorCode.UNKNOWN_WORKSPACE,
    ErrorCode.NOT_FOUND,
    ErrorCode.METHOD_NOT_ALLOWED,
    ErrorCode.RATE_LIMITED,
    ErrorCode.INVALID_INPUT,
    ErrorCode.NOT_SERVING,
    ErrorCode.STORAGE_UNAVAILABLE,
    ErrorCode.INTERNAL_ERROR,
)
_WITH_BODY = (ErrorCode.INVALID_JSON, ErrorCode.BODY_TOO_LARGE, ErrorCode.UNSUPPORTED_MEDIA_TYPE)
_METRICS = (
    ErrorCode.KEY_MISSING,
    ErrorCode.KEY_INVALID,
    ErrorCode.SCOPE_MISSING,
    ErrorCode.RATE_LIMITED,
    ErrorCode.NOT_SERVING,
)
BROADCAST_STATUSES = ("400", "401", "403", "413", "422", "429", "500", "503")
_VARIABLES = {
    "canonical": "The workspace's canonical, the last part of its socket address.",
    "channel": "The channel's name. Percent-encoded (`chat%2Fa`) it is always exact; `/` may also stand bare.",
    "jti": "The token's id.",
    "ref": "The reference number of an error, as the client was told it.",
    "message_id": "The message's id.",
    "test_id": "The test's id.",
    "block_id": "The block's id.",
    "webhook_id": "The webhook's id.",
    "delivery_id": "The delivery's id.",
    "topic": "The channel's name.",
    "event": "`message`, or another name.",
    "socket_id": "The `socketId` of a client that is connected.",
}


@cache
def document(version: str) -> dict[str, Any]:
    """Return the whole document. ``version`` is Tidegate's."""
    structs: list[type] = [ErrorAnswer, Readiness, BroadcastIn, BroadcastRefused]
    for route in ROUTES:
        structs += [kind for kind in (route.body, route.answer) if kind is not Nothing and kind not in structs]
    refs, components = msgspec.json.schema_components(structs, ref_template=_REF)
    by_struct = dict(zip(structs, refs))
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.template, {})[route.method.lower()] = _operation(route, by_struct)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tidegate",
            "version": version,
            "summary": "Publish, read and administrate a workspace of a Tidegate server.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "paths": paths | _open_paths(by_struct),
        "components": {
            "schemas": components,
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "tg_…",
                    "description": "An API key, bound to one workspace and to some of the scopes publish, read, "
                    "tokens, rules. On the control socket (a Unix socket in the instance folder) none is needed.",
                }
            },
        },
    }


def _operation(route: Route, refs: dict[type, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "description": f"{inspect.cleandoc(route.view.__doc__ or '')}\n\nScope: {_scopes(route)}.",
        "tags": [route.path.split("/")[1]],
        "parameters": _path_parameters(route.template) + _query_parameters(route.query),
        "responses": _answers(route, refs),
    }
    if route.body is not Nothing:
        operation["requestBody"] = {
            "required": not route.body_optional,
            "content": _content(refs[route.body]),
        }
    return operation


def _scopes(route: Route) -> str:
    return " or ".join(f"`{scope.value}`" for scope in route.scopes)


def _path_parameters(template: str) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in template.split("/") if part.startswith("{")]
    return [
        {"name": name, "in": "path", "required": True, "description": _VARIABLES[name], "schema": {"type": "string"}}
        for name in names
    ]


def _query_parameters(query: type[msgspec.Struct]) -> list[dict[str, Any]]:
    if query is Nothing:
        return []
    _, components = msgspec.json.schema_components([query], ref_template=_REF)
    properties: dict[str, dict[str, Any]] = components[query.__name__].get("properties", {})
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": schema.pop("description", ""),
            "schema": _without_null(schema),
        }
        for name, schema in properties.items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter of an address is there or not; it is never null."""
    kinds = [kind for kind in schema.pop("anyOf", []) if kind.get("type") != "null"]
    if kinds and schema.get("default", 0) is None:
        del schema["default"]
    return schema | kinds[0] if kinds else schema


def _answers(route: Route, refs: dict[type, Any]) -> dict[str, Any]:
    done: dict[str, Any] = {"description": "Done.", "content": _content(refs[route.answer])}
    if route.headers:
        done["headers"] = {
            name: {"description": text, "schema": {"type": "string"}} for name, text in route.headers.items()
        }
    answers = {str(route.status): done}
    if "ETag" in route.headers and route.method == "GET":
        answers["304"] = {"description": "Not changed since the version that `If-None-Match` names."}
    codes = (*_ALWAYS, *route.errors, *(_WITH_BODY if route.body is not Nothing else ()))
    for code in dict.fromkeys(codes):
        _add_error(answers, code, refs[ErrorAnswer])
    return dict(sorted(answers.items()))


def _add_error(answers: dict[str, Any], code: ErrorCode, ref: Any) -> None:
    line = f"`{code.value}`: {ERRORS[code].sentence}"
    known = answers.get(str(code.status))
    if known is not None:
        known["description"] += "\n\n" + line
        return
    answers[str(code.status)] = {"description": line, "content": _content(ref)}
    if code is ErrorCode.RATE_LIMITED:
        answers["429"]["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}


def _open_paths(refs: dict[type, Any]) -> dict[str, Any]:
    """What lies outside the workspaces."""
    readiness = _content(refs[Readiness])
    not_ready = {"description": "Not ready; the answer says what is missing.", "content": readiness}
    metrics: dict[str, Any] = {"200": {"description": "The numbers.", "content": {"text/plain": {}}}}
    for code in _METRICS:
        _add_error(metrics, code, refs[ErrorAnswer])
    return {
        "/api/v1/openapi.json": _open_get(
            "openapi",
            "This document",
            {"200": {"description": "OpenAPI 3.1.", "content": _content({"type": "object"})}},
        ),
        "/healthz": _open_get(
            "healthz", "Whether the process is alive", {"200": {"description": "`ok`", "content": {"text/plain": {}}}}
        ),
        "/readyz": _open_get(
            "readyz",
            "Whether the server is ready for clients",
            {"200": {"description": "Ready.", "content": readiness}, "503": not_ready},
        ),
        "/metrics": _open_get(
            "metrics",
            "Numbers for Prometheus. Without a key from a loopback address alone; otherwise with the scope `read`",
            metrics,
            security=[{"key": []}, {}],
        ),
        "/api/broadcast": _broadcast("broadcast", _content(refs[BroadcastIn]), refs),
        "/api/broadcast/{topic}/events/{event}": _broadcast(
            "broadcastOne", _content({}) | {"application/octet-stream": {}}, refs
        ),
    }


def _broadcast(name: str, body: dict[str, Any], refs: dict[type, Any]) -> dict[str, Any]:
    """Describe messages of clients over HTTP, whose tokens are those of sockets and whose errors are Supabase's."""
    refused = {
        "description": "Nothing more was sent; the answer says why.",
        "content": _content(refs[BroadcastRefused]),
    }
    operation = {
        "operationId": name,
        "summary": "Send messages as a client that has not joined",
        "description": "Decided by the rules, as if the client had joined. `Authorization: Bearer` carries a realtime "
        "token, without which the client is anonymous; the header `apikey` names the workspace, and may be left out "
        "while there is only one.",
        "tags": ["clients"],
        "security": [],
        "parameters": _path_parameters(ONE) if name == "broadcastOne" else [],
        "requestBody": {"required": True, "content": body},
        "responses": {"202": {"description": "All were sent."}} | dict.fromkeys(BROADCAST_STATUSES, refused),
    }
    return {"post": operation}


def _open_get(name: str, summary: str, answers: dict[str, Any], security: list[Any] | None = None) -> dict[str, Any]:
    operation = {"operationId": name, "summary": summary, "tags": ["server"], "responses": answers}
    return {"get": operation | {"security": security or []}}


def _content(schema: Any) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
