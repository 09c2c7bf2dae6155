"""Viewers of the inspector: clients on its stream, which count what they are told."""

from pathlib import Path

from tests.servers import Server
from tests.sockets.clients import Client, Json

STALLED = {"receive_buffer": 4096, "segment": 536}
"""With these a viewer that reads nothing has its server waiting after some tens of kilobytes."""


def owner_of(server: Server, username: str = "ada") -> str:
    """Sign an owner in and return the cookie of the browser."""
    return f"tidegate={server.call('sign_in', username=username, role='owner')}"


class Viewer(Client):
    """A client on the stream, which counts what it is told of what passed since it came."""

    def __init__(self, server: Server, cookie: str, query: str = "", **options: int) -> None:
        address = f"localhost:{server.port}"
        super().__init__(
            server,
            path=f"/w/default/inspector/stream{query}",
            headers={"Cookie": cookie, "Origin": f"http://{address}"},
            **options,  # type: ignore[arg-type]
        )
        self.lines = self.left_out = self.missed = 0
        self.begin: Json = {}

    @property
    def told(self) -> int:
        """Everything that it knows to have passed, shown or not."""
        return self.lines + self.left_out + self.missed

    @property
    def waits(self) -> int:
        """Bytes that the server's kernel holds for it because it does not read."""
        ends = f":{self.socket.getpeername()[1]:04X}", f":{self.socket.getsockname()[1]:04X}"
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if (fields[1][-5:], fields[2][-5:]) == ends:
                return int(fields[4].partition(":")[0], 16)
        return 0

    def look(self) -> Json:
        """Return the next batch, counted."""
        batch = self.next()
        assert batch["type"] == "lines"
        if batch["begins"]:
            self.begin = batch
            return batch
        assert len(batch["lines"]) + batch["left_out"] == batch["matched"]
        self.lines += len(batch["lines"])
        self.left_out += batch["left_out"]
        self.missed += batch["missed"]
        return batch

    def look_until(self, told: int) -> Json:
        """Look until this much is known to have passed; returns the last batch."""
        while True:
            batch = self.look()
            if self.told >= told:
                return batch
