"""``python -m bench``: run the scenarios against Tidegate and its peers, print the report and write RESULTS.md."""

import argparse
import gc
import sys
import time
from collections import Counter
from pathlib import Path
from types import ModuleType

from bench.adapters import Bare, FlaskSocketIo, Nats, Nchan, Peer, SocketIo, Ws
from bench.crowd import Stalled
from bench.machine import prepare_load_generator
from bench.report import render
from bench.results import Results
from bench.scenarios import connect, fanout, inspector, latency, memory, mixed, rooms, triggers, trouble
from bench.scenarios.settings import QUICK, Settings
from bench.servers import Server, ServerFailed, stop_all_at_exit
from bench.tidegate import Tidegate

RESULTS = Path(__file__).parent / "RESULTS.md"
TIME_LIMIT = 2_700
FAILURES_ALLOWED = 2
PEERS: tuple[Peer, ...] = (
    Tidegate(),
    Tidegate(tls=True),
    Tidegate(token=True),
    Bare(),
    Nchan(),
    Nats(),
    Ws(),
    SocketIo(),
    FlaskSocketIo(),
)
SCENARIOS = (fanout, rooms, connect, memory, latency)
OWN = (inspector, triggers, trouble, mixed)
"""Those in which only Tidegate takes part."""
_ONLY_IN = {"tidegate-tls": {"connect", "memory"}, "tidegate-token": {"connect"}}


class Bench:
    """One run: its settings, the servers that are up, and what has been found."""

    def __init__(self, settings: Settings, peers: list[Peer]) -> None:
        self.settings = settings
        self.peers = peers
        self.results = Results()
        self.versions: dict[str, str] = {}
        self._servers: dict[str, Server] = {}

    def run(self, scenario: ModuleType) -> None:
        """All rounds of a scenario, peers taking turns in each; one that fails twice is left out of the rest."""
        peers = [peer for peer in self.peers if self._takes_part(peer, scenario)]
        fresh = scenario is memory
        failures = Counter[str]()
        for round_ in range(1 if fresh else self.settings.rounds):
            for peer in list(peers):
                say(f"{scenario.NAME} {round_ + 1}: {peer.name}")
                try:
                    self._measure(scenario, peer, round_, fresh)
                except (ServerFailed, Stalled, OSError) as problem:
                    self.results.note(scenario.NAME, peer.name, f"failed in round {round_ + 1}: {problem}"[:200])
                    self._stop(peer)
                    failures[peer.name] += 1
                    if failures[peer.name] == FAILURES_ALLOWED:
                        peers.remove(peer)
                gc.collect()

    def _takes_part(self, peer: Peer, scenario: ModuleType) -> bool:
        if scenario.NAME not in _ONLY_IN.get(peer.name, {scenario.NAME}):
            return False
        absent = peer.missing()
        if absent is not None:
            self.results.note(scenario.NAME, peer.name, f"not installed: {absent}")
            return False
        if peer.name not in _ONLY_IN:
            self.versions.setdefault(peer.name, peer.version())
        return True

    def _measure(self, scenario: ModuleType, peer: Peer, round_: int, fresh: bool) -> None:
        if fresh:
            self._stop(peer)
        server = self._servers.get(peer.name)
        if server is None:
            server = self._servers[peer.name] = peer.start()
        gc.disable()
        try:
            for variant, value in scenario.measure(peer, server, self.settings).items():
                self.results.add(scenario.NAME, variant, peer.name, round_, value)
        finally:
            gc.enable()
            if fresh:
                self._stop(peer)

    def _stop(self, peer: Peer) -> None:
        server = self._servers.pop(peer.name, None)
        if server is not None:
            server.stop()

    def run_rules(self) -> ModuleType | None:
        """The one scenario without servers; None if Tidegate's packages can't be imported here."""
        try:
            from bench.scenarios import rules
        except ImportError as problem:
            say(f"rules: left out, {problem}")
            return None
        sets = [(rules.row(size), rules.build(size), rules.channels(size)) for size in rules.SIZES]
        gc.collect()
        gc.disable()
        for round_ in range(self.settings.rounds):
            for row, rule_set, spread in sets:
                for variant, names in ((rules.IN_USE, rules.in_use(spread)), (rules.SPREAD, spread)):
                    self.results.add(rules.NAME, variant, row, round_, rules.measure(rule_set, names))
        gc.enable()
        return rules

    def run_own(self, scenario: ModuleType) -> bool:
        """A scenario in which only Tidegate takes part, in several states; False if it isn't here."""
        tidegate = Tidegate()
        if tidegate.missing() is not None or tidegate.name not in {peer.name for peer in self.peers}:
            say(f"{scenario.NAME}: left out, it is Tidegate's own")
            return False
        self.versions.setdefault(tidegate.name, tidegate.version())
        gc.collect()
        gc.disable()
        try:
            scenario.run(self.settings, self.results, say)
        except (ServerFailed, Stalled, OSError) as problem:
            self.results.note(scenario.NAME, scenario.WITHOUT, f"the run ended early: {problem}"[:200])
        finally:
            gc.enable()
        return True


def say(text: str) -> None:
    """Progress, on the error stream."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def chosen(text: str | None, known: list[str]) -> list[str]:
    """The comma-separated names of an option, all if it is not given; SystemExit for one that isn't known."""
    names = known if text is None else [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise SystemExit(f"{name!r} is none of {', '.join(known)}")
    return names


def main() -> None:
    """Parse the options, run, report."""
    names = [*(scenario.NAME for scenario in (*SCENARIOS, *OWN)), "rules"]
    parser = argparse.ArgumentParser(prog="python -m bench", description="Tidegate against its peers.")
    parser.add_argument("--only", help=f"scenarios, separated by commas: {', '.join(names)}")
    parser.add_argument("--peers", help="servers, separated by commas: " + ", ".join(peer.name for peer in PEERS))
    parser.add_argument("--quick", action="store_true", help="fewer, shorter rounds: does it work, roughly how fast")
    parser.add_argument("--no-write", action="store_true", help="print the report and leave RESULTS.md as it is")
    options = parser.parse_args()
    only = chosen(options.only, names)
    wanted = chosen(options.peers, [peer.name for peer in PEERS])

    prepare_load_generator()
    stop_all_at_exit(TIME_LIMIT)
    started = time.monotonic()
    bench = Bench(QUICK if options.quick else Settings(), [peer for peer in PEERS if peer.name in wanted])
    ran: list[ModuleType] = []
    for scenario in SCENARIOS:
        if scenario.NAME in only:
            bench.run(scenario)
            ran.append(scenario)
    ran += [scenario for scenario in OWN if scenario.NAME in only and bench.run_own(scenario)]
    if "rules" in only and (rules := bench.run_rules()) is not None:
        ran.append(rules)
    report = render(bench.results, ran, [peer.name for peer in bench.peers], bench.versions)
    print(report)
    say(f"took {time.monotonic() - started:.0f} s")
    if not options.no_write:
        RESULTS.write_text(report)


if __name__ == "__main__":
    main()
