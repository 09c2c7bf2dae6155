"""The handshake: what is let in, what is told why not, and what is no handshake at all."""

from typing import Any

import pytest

from tests.servers import Server, rule
from tests.sockets.clients import Connect, handshake

HEADERS = {
    "Host": "localhost",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


def request(method: str = "GET", path: str = "/rt/default", **changed: str | None) -> bytes:
    headers = HEADERS | {name.replace("_", "-"): value for name, value in changed.items()}
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "Connection: close" if not lines else "", ""]).encode()


@pytest.mark.parametrize("path", ["/rt/unknown", "/rt/Default", "/rt/default%20", "/rt/d\u00e9faut"])
def test_an_unknown_canonical_is_accepted_told_and_closed_for_good(connect: Connect, path: str) -> None:
    client = connect(path=path)
    error = client.error()
    assert (error["channel"], error["message"]) == (None, "Unknown connection hash")
    assert client.closed() == 4401
    assert client.frames == []


def test_an_unknown_canonical_with_a_token_still_gets_its_echo(server: Server, connect: Connect) -> None:
    token = server.token("ann")
    client = connect(token, path="/rt/unknown")
    assert client.protocol.subprotocol == token
    assert client.error()["code"] == "unknown_workspace"
    assert client.closed() == 4401


def test_the_only_workspace_is_the_default(server: Server, connect: Connect) -> None:
    server.publish(rule("a", "A"))
    assert connect(path="/rt").join("a")["action"] == "join"


def test_any_origin_may_connect_unless_some_are_listed(server: Server, connect: Connect) -> None:
    server.publish(rule("a", "A"))
    assert connect(origin="https://anywhere.example").join("a")["action"] == "join"
    server.call("origins", allowed=["https://app.example.com"])
    try:
        assert connect(origin="https://app.example.com").join("a")["action"] == "join"
        for origin in ("https://evil.example", "https://app.example.com.evil.example", "null", None):
            client = connect(origin=origin)
            error = client.error()
            assert (error["channel"], error["code"]) == (None, "origin_not_allowed")
            assert client.closed() == 4401
    finally:
        server.call("origins", allowed=[])
    assert connect(origin="https://evil.example").join("a")["action"] == "join"


@pytest.mark.parametrize(
    "bad",
    [
        {"Upgrade": None},
        {"Upgrade": "h2c"},
        {"Connection": "close"},
        {"Sec_WebSocket_Version": "8"},
        {"Sec_WebSocket_Version": None},
        {"Sec_WebSocket_Key": None},
        {"Sec_WebSocket_Key": "short"},
    ],
    ids=str,
)
def test_what_is_no_handshake_is_told_to_upgrade(server: Server, bad: dict[str, Any]) -> None:
    answer = handshake(server, request(**bad))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 426 "), answer
    assert b"upgrade: websocket" in head.lower()
    assert b"sec-websocket-version: 13" in head.lower()
    assert body


def test_a_plain_request_is_told_to_upgrade(server: Server) -> None:
    answer = handshake(server, b"GET /rt/default HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 426 ")


def test_another_method_is_refused(server: Server) -> None:
    answer = handshake(server, request("POST", Content_Length="0"))
    assert answer.split(b" ")[1] in (b"400", b"405", b"426")


def test_a_well_made_handshake_is_answered_by_the_book(server: Server) -> None:
    """The key and its answer are RFC 6455's own example."""
    answer = handshake(server, request())
    head = answer.partition(b"\r\n\r\n")[0].decode()
    assert head.startswith("HTTP/1.1 101 ")
    assert "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    assert "Sec-WebSocket-Extensions" not in head


def test_compression_is_not_negotiated(server: Server) -> None:
    head = handshake(server, request(Sec_WebSocket_Extensions="permessage-deflate")).partition(b"\r\n\r\n")[0]
    assert head.startswith(b"HTTP/1.1 101 ")
    assert b"sec-websocket-extensions" not in head.lower()
