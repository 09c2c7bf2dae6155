"""The client's half of RFC 6455, as far as a load generator needs it: bytes that are made once and sent many times."""

import struct

_KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # any 16 bytes will do; nobody checks the answer but by its status
_MASK = b"\x37\xfa\x21\x3d"

SWITCHED = b"\r\n\r\n"
"""The end of the answer to the upgrade."""


def upgrade(path: str, subprotocol: str | None = None, cookie: str | None = None) -> bytes:
    """The request that turns the connection into a WebSocket; with a cookie as a page of the same origin asks."""
    more = f"Sec-WebSocket-Protocol: {subprotocol}\r\n" if subprotocol else ""
    if cookie is not None:
        more += f"Origin: http://127.0.0.1\r\nCookie: {cookie}\r\n"
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {_KEY}\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
    ).encode()


def text(payload: bytes) -> bytes:
    """A masked text frame."""
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", 0x81, 0x80 | length)
    elif length < 65536:
        head = struct.pack("!BBH", 0x81, 0x80 | 126, length)
    else:
        head = struct.pack("!BBQ", 0x81, 0x80 | 127, length)
    repeated = (_MASK * (length // 4 + 1))[:length]
    masked = int.from_bytes(payload) ^ int.from_bytes(repeated)
    return head + _MASK + masked.to_bytes(length)
