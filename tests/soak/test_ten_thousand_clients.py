"""Ten thousand clients on one channel: all get everything, at a bounded price, and all are told when it ends."""

import json
import resource
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.servers import Server, rule, serving
from tests.soak.crowd import Client, Crowd, deadline, resident, worker_of

CLIENTS = 10_000
MESSAGES = 20
CHANNEL = "soak/all"
MEMORY_PER_CLIENT = 22 * 1024

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < CLIENTS + 500:
        pytest.fail(f"needs {CLIENTS + 500} open files, this user may have {hard}")
    with serving(limit_messages_per_minute=0, ping_interval=3600) as server:
        server.publish(rule("soak/*", "A M"))
        yield server


def test_all_get_everything_and_all_are_told_when_it_ends(server: Server) -> None:
    assert server.process is not None
    worker = worker_of(server.process.pid)
    before = resident(worker)
    crowd = Crowd()
    for number in range(CLIENTS):
        crowd.add(Client(server.port, number)).send("join", CHANNEL)
    joined = _count(crowd, b'"action":"join"', CLIENTS)
    assert set(joined.values()) == {1}
    assert (resident(worker) - before) / CLIENTS <= MEMORY_PER_CLIENT

    sender = next(iter(crowd.clients.values()))
    for number in range(MESSAGES):
        sender.send("message", CHANNEL, {"number": number})
    seen: dict[int, list[int]] = {client.number: [] for client in crowd.clients.values()}
    ends = deadline(60)
    missing = CLIENTS * MESSAGES
    while missing and time.monotonic() < ends:
        for client, text in crowd.read(1):
            seen[client.number].append(json.loads(text)["payload"]["number"])
            missing -= 1
    assert missing == 0
    assert all(numbers == list(range(MESSAGES)) for numbers in seen.values())

    process = server.process
    process.terminate()
    ends = deadline(10)
    while time.monotonic() < ends and not all(client.gone for client in crowd.clients.values()):
        for _ in crowd.read(0.2):
            pass
    assert Counter(client.close_code for client in crowd.clients.values()) == {1012: CLIENTS}
    assert process.wait(max(0.1, ends - time.monotonic())) == 0
    crowd.close()


def _count(crowd: Crowd, wanted: bytes, total: int) -> Counter[int]:
    got: Counter[int] = Counter()
    ends = deadline(60)
    while got.total() < total and time.monotonic() < ends:
        for client, text in crowd.read(1):
            assert wanted in text
            got[client.number] += 1
    return got
