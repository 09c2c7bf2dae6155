"""How tests share a machine: what runs where when `pytest -n` has several workers, and what runs alone."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PORT_443 = (
    "tests/sdk/test_blocked.py",
    "tests/sdk/test_channels.py",
    "tests/sdk/test_coming_back.py",
    "tests/sdk/test_mixed_room.py",
    "tests/sdk/test_presets.py",
    "tests/sdk/test_trigger_examples.py",
    "tests/pages/test_the_whole_story.py",
)
"""Xano's SDK dials no other port, so one worker runs all of these."""
LONGEST = (
    "tests/pages/test_pages_fit_and_are_accessible.py",
    "tests/pages/test_overview.py",
    "tests/server/test_slow_bodies.py",
)
"""These go first: a worker that comes to them last would keep the others waiting."""


@contextmanager
def locked(path: Path, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Hold the kernel's lock on a file or folder; it ends with the process at the latest."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give files to workers as a whole, those that need port 443 as one."""
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "port 443" if nodeid.startswith(PORT_443) else str(super()._split_scope(nodeid))

    return ByFile(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    """Let no other worker run a test while one runs that measures time. Waiting is not part of a test's timeout."""
    alone = item.get_closest_marker("alone") is not None
    with ExitStack() as turn:
        with locked(ROOT / "tests"):  # who waits to be alone keeps this, so that no one else begins meanwhile
            turn.enter_context(locked(ROOT, fcntl.LOCK_EX if alone else fcntl.LOCK_SH))
        return (yield)
