"""Whose address a request comes from, behind proxies that are trusted and those that are not."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any


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
