"""Bodies that are broken in every way get a stated answer, and nothing is changed."""

import http.client
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.client import Answer, Api, Server, rule
from webapp.api.routes import ROUTES, Nothing, Route

WITH_BODY = [route for route in ROUTES if route.body is not Nothing]
DEEP = b"[" * 30_000 + b"]" * 30_000
GOOD: dict[str, dict[str, Any]] = {
    "publish_event": {"channel": "room/x", "data": 1},
    "mint_token": {"sub": "ann"},
    "inspect_token": {"token": "x"},
    "replace_rules": {"channels": []},
    "save_rule_test": {"channel": "room/x", "operation": "join", "allowed": True},
    "run_rule_tests": {"tests": []},
    "simulate": {"channel": "room/x", "operation": "join"},
    "put_in": {"user": "ann"},
    "take_out": {"user": "ann"},
    "block": {"user": "broken", "seconds": 1},
    "create_webhook": {"name": "Broken", "url": "https://hooks.example.com/", "events": ["message"]},
    "change_webhook": {"name": "Broken"},
}

with_body = pytest.mark.parametrize("route", WITH_BODY, ids=lambda route: route.name)


def _call(api: Api, route: Route, raw: bytes, **headers: str) -> Answer:
    path = route.path.replace("{channel}", "room%2Fbroken").replace("{webhook_id}", "1")
    return api(route.method, path, raw=raw, **headers)


@with_body
@pytest.mark.parametrize(
    "raw",
    [
        b" ",
        b"{",
        b"{]",
        b"{'channel': 1}",
        b"channel=a&data=1",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 01}',
        b'{"a": 1,}',
        b'{"a": "\n"}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xff"}',
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b"{} {}",
        b"\x00",
        DEEP,
        b'{"a":' + DEEP + b"}",
    ],
)
def test_what_is_not_json(server: Server, api: Api, route: Route, raw: bytes) -> None:
    version = server.version()
    answer = _call(api, route, raw)
    # A field that nobody knows is found before what is broken behind it.
    assert (answer.status, answer.error) in ((400, "invalid_json"), (422, "invalid_input"))
    assert server.version() == version


@with_body
def test_an_empty_body(server: Server, api: Api, route: Route) -> None:
    version = server.version()
    answer = _call(api, route, b"")
    assert answer.status == (422 if route.body_optional else 400)
    assert answer.error == ("invalid_input" if route.body_optional else "invalid_json")
    assert server.version() == version


@with_body
@pytest.mark.parametrize("raw", [b"[]", b"[{}]", b"null", b"true", b"1", b'"text"'])
def test_json_that_is_no_object(server: Server, api: Api, route: Route, raw: bytes) -> None:
    version = server.version()
    answer = _call(api, route, raw)
    assert (answer.status, answer.error) == (422, "invalid_input")
    assert server.version() == version


@with_body
def test_a_field_that_nobody_knows(server: Server, api: Api, route: Route) -> None:
    version = server.version()
    answer = _call(api, route, json.dumps({**GOOD[route.name], "surprise": 1}).encode())
    assert (answer.status, answer.paths) == (422, ["surprise"])
    assert server.version() == version


@with_body
@pytest.mark.parametrize("value", [{}, [], [[]], 1.5, {"a": 1}, [1]])
def test_fields_of_the_wrong_type(server: Server, api: Api, route: Route, value: Any) -> None:
    version = server.version()
    for name in GOOD[route.name]:
        if (name, value) in (("data", value), ("channels", []), ("tests", [])):
            continue
        answer = _call(api, route, json.dumps({**GOOD[route.name], name: value}).encode())
        assert answer.status == 422, answer.body
        assert answer.paths
        assert answer.paths[0].startswith(name)
    assert server.version() == version


@with_body
@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "application/json; charset=utf-16"],
)
def test_another_content_type(api: Api, route: Route, content_type: str) -> None:
    answer = _call(api, route, json.dumps(GOOD[route.name]).encode(), Content_Type=content_type)
    assert (answer.status, answer.error) == (415, "unsupported_media_type")


def test_a_compressed_body(api: Api) -> None:
    answer = api("POST", "/events", raw=b"\x1f\x8b\x08", Content_Encoding="gzip")
    assert (answer.status, answer.error) == (415, "unsupported_media_type")


@with_body
def test_a_huge_body(server: Server, api: Api, route: Route) -> None:
    version = server.version()
    answer = _call(api, route, json.dumps(GOOD[route.name]).encode() + b" " * (17 * 1024 * 1024))
    assert (answer.status, answer.error) == (413, "body_too_large")
    assert server.version() == version


def test_a_huge_body_in_chunks_is_not_read_to_its_end(api: Api) -> None:
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    answer = _chunked(api, chunk * 2 + b"0\r\n\r\n")
    assert (answer.status, answer.error) == (413, "body_too_large")


def test_a_body_in_chunks(api: Api) -> None:
    api.rules(rule("room/*", "A"))
    raw = json.dumps({"channel": "room/chunks", "data": 1}).encode()
    assert _chunked(api, b"%x\r\n%b\r\n0\r\n\r\n" % (len(raw), raw)).status == 200


def _chunked(api: Api, raw: bytes) -> Answer:
    """Send a body without a Content-Length."""
    connection = http.client.HTTPConnection("127.0.0.1", api.server.port, timeout=15)
    try:
        connection.putrequest("POST", "/api/v1/workspaces/default/events")
        for name, value in (
            ("Authorization", f"Bearer {api.key}"),
            ("Content-Type", "application/json"),
            ("Transfer-Encoding", "chunked"),
        ):
            connection.putheader(name, value)
        connection.endheaders(raw)
        response = connection.getresponse()
        return Answer(response.status, dict(response.headers), response.read())
    finally:
        connection.close()


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("anonymous")
NAMES = (
    "channel",
    "data",
    "event",
    "auth",
    "dbo_id",
    "row_id",
    "target",
    "socketId",
    "user",
    "trace_only",
    "token",
    "sub",
    "extras",
    "ttl",
    "authorized_channels",
    "grants",
    "claims",
    "operation",
    "as",
    "facts",
    "joined",
    "peer",
    "present",
    "authenticated",
    "anonymous",
    "exp",
    "resources",
    "patterns",
    "channels",
    "pattern",
    "wildcard",
    "history",
    "enabled",
    "hash",
    "iss",
    "jti",
    "read",
)
names = st.sampled_from(NAMES) | st.text(max_size=10)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5), max_leaves=15
)


@given(data=st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_body_makes_the_server_fail(api: Api, data: st.DataObject) -> None:
    route = data.draw(st.sampled_from(WITH_BODY))
    changed = {name: data.draw(values) for name in data.draw(st.sets(names, max_size=3))}
    body = {**GOOD[route.name], **changed} if data.draw(st.booleans()) else changed
    answer = _call(api, route, json.dumps(body).encode())
    assert answer.status in (200, 201, 400, 404, 409, 413, 422), (body, answer.body)
    if answer.status >= 400:
        assert answer.error


def _is_object(raw: bytes) -> bool:
    try:
        return isinstance(json.loads(raw), dict)
    except ValueError:
        return False


# Bytes that are an object are bodies of the test above: an empty one is all that some routes need.
@given(raw=st.binary(max_size=200).filter(lambda raw: not _is_object(raw)), data=st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_make_the_server_fail(api: Api, raw: bytes, data: st.DataObject) -> None:
    answer = _call(api, data.draw(st.sampled_from(WITH_BODY)), raw)
    assert answer.status in (400, 422)
    assert answer.error


@pytest.mark.parametrize(
    "identity",
    [
        {"exp": 10**400},
        {"exp": "soon"},
        {"sub": ["a"]},
        {"extras": "x"},
        {"grants": {"resources": 1}},
        {"token": 1},
        {"claims": 1},
        {"anonymous": False},
        {"anonymous": True, "sub": "a"},
        "not a token",
        '{"exp": 1' + "0" * 400 + "}",
        "{" * 2000,
    ],
)
def test_identities_that_are_none(api: Api, identity: Any) -> None:
    answer = api("POST", "/decide", {"channel": "a", "operation": "join", "as": identity})
    assert (answer.status, answer.paths) == (422, ["as"])
