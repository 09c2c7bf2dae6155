"""Network addresses in one form, so that two ways of writing the same one are equal."""

from ipaddress import IPv6Address, ip_address


def normalized(text: str) -> str:
    """Write an address as it is usually written: IPv4 in IPv6 as IPv4, IPv6 short and in lower case.

    What is no address stays as it is: a client on a Unix socket has none.
    """
    try:
        address = ip_address(text)
    except ValueError:
        return text
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)


def is_address(text: str) -> bool:
    """Whether a text is one network address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
