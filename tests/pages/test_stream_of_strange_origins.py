"""The stream is for pages of this dashboard: whatever else an `Origin` says, it is refused and nothing breaks.

An origin that is no address (`http://[`) was answered with 500.
"""

import contextlib
import http.client

from tests.servers import serving
from tests.viewers import owner_of

UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}
STRANGE = ("", "null", "http://[", "http://]", "//[x", "http://elsewhere", "http://127.0.0.1")


def test_refused() -> None:
    with serving() as server:
        cookie = owner_of(server)
        for origin in STRANGE:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            with contextlib.closing(connection):
                headers = {**UPGRADE, "Cookie": cookie, "Origin": origin}
                connection.request("GET", "/w/default/inspector/stream", headers=headers)
                assert (origin, connection.getresponse().status) == (origin, 403)
