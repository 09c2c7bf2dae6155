"""What the kernel says about processes and about this machine: CPU time, memory, cores, versions."""

import ctypes
import os
import platform
import resource
import signal
import time
from collections.abc import Sequence
from pathlib import Path

SERVER_CORE = 0
LOAD_CORE = 1
_PR_SET_PDEATHSIG = 1
_CPUCLOCK_SCHED = 2
_libc = ctypes.CDLL(None, use_errno=True)


def pin(core: int) -> None:
    """Keep this process on one core; where there is no such core, on whatever the machine allows."""
    if core in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {core})


def prepare_load_generator() -> None:
    """Allow as many open sockets as the system lets us, and move to the load generator's core."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    pin(LOAD_CORE)


def prepare_server() -> None:
    """Runs in a server's process before its program: the server's core, and SIGTERM should the benchmark die."""
    os.sched_setaffinity(0, {SERVER_CORE})
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def descendants(pid: int) -> list[int]:
    """Process ids below ``pid``, at any depth."""
    found: list[int] = []
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        for task in tasks:
            for child in (task / "children").read_text().split():
                found += [int(child), *descendants(int(child))]
    except FileNotFoundError:
        pass
    return found


def cpu_seconds(pids: Sequence[int]) -> float:
    """CPU time that the processes have used so far, with all their threads, those that have ended too.

    The process's own clock (clock_getcpuclockid(3)) has nanoseconds, where ``stat`` counts ticks of 10 ms. It
    includes the kernel's work in the processes' name: on loopback a ``send`` also does the receiver's half of TCP, for
    all alike.
    """
    seconds = 0.0
    for pid in pids:
        try:
            seconds += time.clock_gettime(~pid << 3 | _CPUCLOCK_SCHED)
        except OSError:  # a process that ended meanwhile
            continue
    return seconds


def resident_kib(pids: Sequence[int]) -> int:
    """Resident memory (VmRSS) of the processes, in KiB. The kernel's socket buffers are not part of it."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1])
    return total


def settle(pids: Sequence[int], limit: float = 5.0) -> None:
    """Wait until the processes use less than 2 % of a core for a tenth of a second, at most ``limit`` seconds."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        before = cpu_seconds(pids)
        time.sleep(0.1)
        if cpu_seconds(pids) - before < 0.002:
            return


def describe() -> str:
    """One line about the machine: CPU model, cores, memory, kernel, Python."""
    cpu = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release().split('-')[0]}, "
        f"{platform.python_implementation()} {platform.python_version()}"
    )
