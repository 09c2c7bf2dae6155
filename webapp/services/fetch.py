"""Fetching from addresses that people enter, without letting them reach into the private network.

The name is looked up once, every answer is checked, and the connection goes to the checked address itself, so
a name that answers differently a moment later changes nothing. Redirects are not followed.
"""

import socket
import ssl
import time
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

TIMEOUT = 10.0
_NAT64 = IPv6Network("64:ff9b::/96")


class FetchProblem(Exception):
    """Why nothing was fetched, in a sentence that names no internal detail."""


class _PinnedConnection(HTTPConnection):
    """A connection to an address that was checked, under the name that was asked for."""

    def __init__(self, host: str, port: int, address: str, tls: ssl.SSLContext | None) -> None:
        super().__init__(host, port, timeout=TIMEOUT)
        self._address = address
        self._tls = tls

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)


def fetch(url: str, *, allow_private: bool = False, most: int = 256 * 1024) -> bytes:
    """Return the body that a GET of ``url`` answers, at most ``most`` bytes, within about ten seconds.

    Only https, or http too where private addresses are allowed.

    Raises:
        FetchProblem: the address can't be used, or the answer is not a plain 200 of that size.
    """
    host, port, path, is_tls = _parse(url, allow_private)
    address = _checked_address(host, port, allow_private)
    connection = _PinnedConnection(host, port, address, ssl.create_default_context() if is_tls else None)
    deadline = time.monotonic() + TIMEOUT
    try:
        connection.request("GET", path, headers={"Accept": "application/json", "User-Agent": "Tidegate"})
        response = connection.getresponse()
        if response.status != 200:
            raise FetchProblem(f"The address answered with status {response.status} (redirects are not followed).")
        body = b""
        while chunk := response.read1(min(65536, most + 1 - len(body))):
            body += chunk
            if len(body) > most:
                raise FetchProblem(f"The answer is larger than {most} bytes.")
            if time.monotonic() > deadline:
                raise FetchProblem("The answer took too long.")
        return body
    except TimeoutError:
        raise FetchProblem("The answer took too long.") from None
    except ssl.SSLCertVerificationError:
        raise FetchProblem("The address has no valid certificate.") from None
    except (OSError, HTTPException, ValueError):
        raise FetchProblem("The address can't be reached.") from None
    finally:
        connection.close()


def _parse(url: str, allow_private: bool) -> tuple[str, int, str, bool]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise FetchProblem("This is not an address.") from None
    schemes = ("https", "http") if allow_private else ("https",)
    if parts.scheme not in schemes or not host:
        raise FetchProblem("Expected an address that begins with https://.")
    if parts.username is not None or parts.password is not None:
        raise FetchProblem("An address with a user name or password can't be used.")
    if any(ord(c) <= 32 or ord(c) >= 127 for c in url):
        raise FetchProblem("The address holds characters that have to be encoded.")
    is_tls = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return host, port or (443 if is_tls else 80), path, is_tls


def _checked_address(host: str, port: int, allow_private: bool) -> str:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise FetchProblem("The name of the address can't be found.") from None
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses:
        raise FetchProblem("The name of the address can't be found.")
    if not allow_private and not all(is_public(ip_address(a.split("%")[0])) for a in addresses):
        raise FetchProblem("The address is a private one (TIDEGATE_ALLOW_PRIVATE_ADDRESSES is off).")
    return addresses[0]


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the public internet, looking into addresses that carry another."""
    if isinstance(address, IPv6Address):
        carried = address.ipv4_mapped or address.sixtofour
        if carried is None and address in _NAT64:
            carried = IPv4Address(int(address) & 0xFFFFFFFF)
        if carried is not None:
            return is_public(carried)
        if address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast
