"""Who hangs up before the handshake is answered leaves nothing behind, not even a line in the log."""

import socket
import struct
import time

import pytest

from tests.servers import client_context, serving, until

HANDSHAKE = (
    b"GET /rt/default HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
RESET = struct.pack("ii", 1, 0)


@pytest.mark.parametrize("tls", [False, True])
def test_nothing_is_left_of_it(tls: bool) -> None:
    # The answer went to a socket that was gone, and the log got a traceback for each.
    with serving(tls=tls, log_level="info") as server:
        for _ in range(100):
            client = socket.create_connection(("127.0.0.1", server.port))
            if server.tls is not None:
                client = client_context(server.tls).wrap_socket(client, server_hostname="localhost")
                time.sleep(0.01)  # until the server has written all that belongs to TLS
            client.sendall(HANDSHAKE)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
        until(lambda: server.call("overview")["clients"] == 0)
        assert "Traceback" not in server.log
        assert "rror" not in server.log
