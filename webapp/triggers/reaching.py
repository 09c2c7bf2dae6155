"""HTTP to addresses that people enter, without letting them reach into the private network.

The name is looked up once, every answer is checked, and the connection goes to a checked address itself, so a name
that answers differently a moment later changes nothing. Redirects are not followed. Whatever the other side does
(silence, a drip of bytes, a handshake that never ends), all is over when the time is up.
"""

import io
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPMessage
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import gevent

from .turns import Turns

_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL = IPv6Network("2000::/3")
"""All that is handed out of IPv6: what lies outside leads to translators and old kinds of private networks."""
_STEP = 65536
_AROUND_MOST = 65536
"""Bytes that may surround an answer's body: status, headers, and as much again as the body for the marks of chunks."""


class ReachProblem(Exception):
    """Why there was no answer that can be used, in a sentence that names no internal detail."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered. ``body`` is whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def exchange(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | None = None,
    *,
    allow_private: bool = False,
    seconds: float,
    most: int,
) -> Reply:
    """Send a request and return its answer, with a body of at most ``most`` bytes, within ``seconds`` altogether.

    Only https, or http too where private addresses are allowed.

    Raises:
        ReachProblem: the address can't be used, nobody answers, or not what HTTP says, or too much, or too slowly.
    """
    place = _parse(url, allow_private)
    ends = monotonic() + seconds
    try:
        # The sockets' own timeouts hold where nothing else runs; looking up a name or shaking hands has none.
        with gevent.Timeout(seconds, TimeoutError):
            return _exchanged(method, place, headers, body, allow_private, ends, most)
    except TimeoutError:
        raise ReachProblem(f"It took longer than {seconds:g} seconds.") from None
    except ssl.SSLCertVerificationError:
        raise ReachProblem("The address has no valid certificate.") from None
    except HTTPException:
        raise ReachProblem("What it answers is not HTTP.") from None
    except (OSError, ValueError):
        raise ReachProblem("The address can't be reached.") from None


@dataclass(frozen=True, slots=True)
class _Place:
    host: str
    port: int
    path: str
    is_tls: bool


def _exchanged(
    method: str,
    place: _Place,
    headers: Mapping[str, str],
    body: bytes | None,
    allow_private: bool,
    ends: float,
    most: int,
) -> Reply:
    connection = HTTPConnection(place.host, place.port)
    # http.client writes the default port into `Host` unless it is that of its own scheme.
    connection.default_port = 443 if place.is_tls else 80
    addresses = _checked_addresses(place.host, place.port, allow_private)
    with _connected(place, addresses, ends) as sock:
        connection.sock = _Timed(sock, ends, 2 * most + _AROUND_MOST)
        connection.request(method, place.path, body, dict(headers))
        response = connection.getresponse()
        return Reply(response.status, _headers(response.headers), _body(response, most))


def _headers(message: HTTPMessage) -> dict[str, str]:
    return {name.lower(): value for name, value in message.items()}


def _body(response: Any, most: int) -> bytes:
    body = b""
    while chunk := response.read1(min(_STEP, most + 1 - len(body))):
        body += chunk
        if len(body) > most:
            raise ReachProblem(f"The answer is larger than {most} bytes.")
    return body


def _connected(place: _Place, addresses: list[str], ends: float) -> socket.socket:
    """Connect to the first address that lets us, and shake hands under the name that was asked for."""
    problem: OSError | None = None
    for address in addresses:
        try:
            sock = socket.create_connection((address, place.port), _left(ends))
        except TimeoutError:
            raise
        except OSError as error:
            problem = error
            continue
        if not place.is_tls:
            return sock
        try:
            return _tls().wrap_socket(sock, server_hostname=place.host)
        except BaseException:
            sock.close()
            raise
    assert problem is not None
    raise problem


@lru_cache(1)
def _tls() -> ssl.SSLContext:
    """The context of all connections: reading the authorities takes tens of milliseconds."""
    return ssl.create_default_context()


class _Timed:
    """A socket whose every step takes no longer than what is left of the whole, and which reads at most ``most``."""

    def __init__(self, sock: socket.socket, ends: float, most: int) -> None:
        self._sock = sock
        self._ends = ends
        self._most = most

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._sock.settimeout(_left(self._ends))
            view = view[self._sock.send(view) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self._sock, self._ends, self._most))

    def close(self) -> None:
        """Nothing: http.client is done with it before the answer is read."""


class _Reader(io.RawIOBase):
    def __init__(self, sock: socket.socket, ends: float, most: int) -> None:
        self._sock = sock
        self._ends = ends
        self._most = most
        self._turns = Turns()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(_left(self._ends))
        count = self._sock.recv_into(buffer)
        self._most -= count
        if self._most < 0:
            raise ReachProblem("The answer is too large, with all that surrounds it.")
        # Where bytes come faster than they are read, receiving never waits, and nobody else would get a turn.
        self._turns.pause()
        return count


def _left(ends: float) -> float:
    left = ends - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _parse(url: str, allow_private: bool) -> _Place:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ReachProblem("This is not an address.") from None
    if parts.scheme == "http" and host and not allow_private:
        raise ReachProblem("Expected an address that begins with https:// (TIDEGATE_ALLOW_PRIVATE_ADDRESSES is off).")
    if parts.scheme not in ("https", "http") or not host:
        raise ReachProblem("Expected an address that begins with https://.")
    if parts.username is not None or parts.password is not None:
        raise ReachProblem("An address with a user name or password can't be used.")
    if any(ord(c) <= 32 or ord(c) >= 127 for c in url):
        raise ReachProblem("The address holds characters that have to be encoded.")
    is_tls = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _Place(host, port or (443 if is_tls else 80), path, is_tls)


def _checked_addresses(host: str, port: int, allow_private: bool) -> list[str]:
    try:
        host.encode("idna")  # what can't be a name is found out here: a thread that looked it up would log the error
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise
    except (OSError, UnicodeError):
        raise ReachProblem("The name of the address can't be found.") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not addresses:
        raise ReachProblem("The name of the address can't be found.")
    if not allow_private and not all(is_public(ip_address(a.split("%")[0])) for a in addresses):
        raise ReachProblem("The address is a private one (TIDEGATE_ALLOW_PRIVATE_ADDRESSES is off).")
    return addresses


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the public internet, looking into addresses that carry another."""
    if isinstance(address, IPv6Address):
        carried = address.ipv4_mapped or address.sixtofour
        if carried is None and address in _NAT64:
            carried = IPv4Address(int(address) & 0xFFFFFFFF)
        if carried is not None:
            return is_public(carried)
        if address.teredo is not None or address not in _GLOBAL:
            return False
    return address.is_global and not address.is_multicast
