"""The floor: a loop of non-blocking ``send`` calls over plain TCP and nothing else.

A frame is a 4-byte big-endian length and that many bytes. The first frame of a client names its room and is answered
with ``ok``; each later one goes, unchanged, to all clients of that room, the sender among them. There is no outbox: a
socket buffer that is full would end a connection, which never happens while the benchmark bounds what is in flight.

Usage: ``python bare.py PORT``
"""

import selectors
import socket
import sys
from dataclasses import dataclass, field


@dataclass(eq=False)
class Client:
    """One connection: its room's sockets once it has joined, and what arrived of a frame that isn't complete yet."""

    sock: socket.socket
    room: list[socket.socket] | None = None
    pending: bytearray = field(default_factory=bytearray)


def serve(port: int) -> None:
    """Accept and broadcast until the process is killed."""
    rooms: dict[bytes, list[socket.socket]] = {}
    selector = selectors.EpollSelector()
    listener = socket.create_server(("127.0.0.1", port), backlog=4096)
    listener.setblocking(False)
    selector.register(listener, selectors.EVENT_READ, None)
    while True:
        for key, _ in selector.select():
            client: Client | None = key.data
            if client is None:
                sock, _address = listener.accept()
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(sock, selectors.EVENT_READ, Client(sock))
                continue
            try:
                alive = receive(client, rooms)
            except OSError:
                alive = False
            if not alive:
                selector.unregister(client.sock)
                if client.room is not None:
                    client.room.remove(client.sock)
                client.sock.close()


def receive(client: Client, rooms: dict[bytes, list[socket.socket]]) -> bool:
    """Read what is there and act on its complete frames; False at the end of the stream."""
    data = client.sock.recv(65536)
    if not data:
        return False
    pending = client.pending
    pending += data
    while len(pending) >= 4 and len(pending) >= (end := 4 + int.from_bytes(pending[:4])):
        frame = bytes(pending[:end])
        del pending[:end]
        if client.room is None:
            client.room = rooms.setdefault(frame[4:], [])
            client.room.append(client.sock)
            client.sock.send(b"\0\0\0\2ok")
            continue
        for sock in client.room:
            sock.send(frame)
    return True


if __name__ == "__main__":
    serve(int(sys.argv[1]))
