"""Whose address a request comes from, behind proxies that are trusted and those that are not."""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def client_address(environ: Mapping[str, Any], proxies: Sequence[IPv4Network | IPv6Network]) -> str:
    """Return the client's address; "" for one on the control socket.

    ``X-Forwarded-For`` counts only as far as it was written by the networks in ``TIDEGATE_PROXIES``: it is read from
    the right, and the first address that is no proxy's is the client's.
    """
    address: str = environ.get("REMOTE_ADDR") or ""
    if not proxies or not _is_proxy(address, proxies):
        return address
    for hop in reversed(str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",")):
        hop = hop.strip()
        if not _is_address(hop):
            break
        address = hop
        if not _is_proxy(hop, proxies):
            break
    return address


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_proxy(text: str, proxies: Sequence[IPv4Network | IPv6Network]) -> bool:
    return _is_address(text) and any(ip_address(text) in network for network in proxies)


class TrustedProxies:
    """WSGI middleware: puts the client's own address and scheme in the place of the proxy's.

    Only what the networks in ``TIDEGATE_PROXIES`` say is believed; without any, requests pass untouched.
    """

    def __init__(self, app: "WSGIApplication", proxies: Sequence[IPv4Network | IPv6Network]) -> None:
        self._app = app
        self._proxies = proxies

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if _is_proxy(environ.get("REMOTE_ADDR") or "", self._proxies):
            scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip().lower()
            if scheme in ("http", "https"):
                environ["wsgi.url_scheme"] = scheme
            environ["REMOTE_ADDR"] = client_address(environ, self._proxies)
        return self._app(environ, start_response)
