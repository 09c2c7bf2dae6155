"""One process serves the clients: two would each know half of a channel's members."""

import signal
import time
from pathlib import Path

import pytest

from tests.servers import Server, serving


def workers(server: Server) -> list[str]:
    assert server.process is not None
    pid = server.process.pid
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.parametrize("sent", [signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR2])
def test_signals_change_nothing_about_it(sent: signal.Signals) -> None:
    with serving() as server:
        before = workers(server)
        assert server.process is not None
        server.process.send_signal(sent)
        time.sleep(1.5)
        assert workers(server) == before
        assert "the signal is ignored" in server.log
        assert server.call("overview")
