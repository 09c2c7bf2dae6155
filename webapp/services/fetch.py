"""Fetching sets of keys from addresses that people enter, with the guards of all that reaches out."""

from ..triggers.reaching import ReachProblem, exchange

TIMEOUT = 10.0


class FetchProblem(Exception):
    """Why nothing was fetched, in a sentence that names no internal detail."""


def fetch(url: str, *, allow_private: bool = False, most: int = 256 * 1024) -> bytes:
    """Return the body that a GET of ``url`` answers, at most ``most`` bytes, within ten seconds.

    Only https, or http too where private addresses are allowed.

    Raises:
        FetchProblem: the address can't be used, or the answer is not a plain 200 of that size.
    """
    headers = {"Accept": "application/json", "User-Agent": "Tidegate"}
    try:
        reply = exchange("GET", url, headers, allow_private=allow_private, seconds=TIMEOUT, most=most)
    except ReachProblem as error:
        raise FetchProblem(str(error)) from None
    if reply.status != 200:
        raise FetchProblem(f"The address answered with status {reply.status} (redirects are not followed).")
    return reply.body
