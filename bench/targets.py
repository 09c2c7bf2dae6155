"""What Tidegate promises of itself, held against a run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.results import Figure, Results, within
from bench.scenarios import inspector, mixed, triggers, trouble

TIDEGATE = "tidegate"
PEERS = ("nchan", "nats", "ws", "socket.io", "flask-socketio")


@dataclass(frozen=True)
class Verdict:
    """A target, what was measured for it, and whether it is met; None where nothing was measured."""

    target: str
    measured: str
    met: bool | None

    @property
    def word(self) -> str:
        """Met, not met or not measured."""
        return {True: "met", False: "**not met**", None: "not measured"}[self.met]


def judge(results: Results) -> list[Verdict]:
    """All targets of the scenarios that ran."""
    one, many, sixteen = "1 in flight", "64 in flight", "16 in flight"
    floor = results.ratio("fanout", (one, TIDEGATE), (one, "bare"))
    burst = results.ratio("fanout", (many, TIDEGATE), (one, "bare"))
    nchan = results.ratio("rooms", (one, TIDEGATE), (one, "nchan"))
    arrivals = results.figure("connect", "clients/s/core", TIDEGATE)
    look_up = results.ratio("rules", ("1,000 channels", "100,000 rules"), ("1,000 channels", "10 rules"))
    memory = results.figure("memory", "KiB", TIDEGATE)
    verdicts = [
        _at_most("Fan-out, 1 in flight: at most 1.15 × the bare send loop", floor, 1.15),
        _at_most("Fan-out, 64 in flight: at most 0.2 × the bare send loop with 1", burst, 0.2),
        _below(results, "Fan-out, 1 in flight: below every peer", "fanout", one, PEERS),
        _below(results, "Fan-out, 64 in flight: below every peer", "fanout", many, PEERS),
        _at_most("Rooms, 1 in flight: at most 1.05 × nchan", nchan, 1.05),
        _below(results, "Rooms, 1 in flight: below every other peer", "rooms", one, PEERS[1:]),
        _below(results, "Rooms, 16 in flight: below every peer", "rooms", sixteen, PEERS),
        Verdict(
            "Connecting: at least 1,800 clients a second and core, plain TCP",
            str(arrivals or "–"),
            None if arrivals is None else arrivals.median >= 1_800,
        ),
        _at_most("Memory: at most 22 KiB an idle connection", memory, 22),
        _throughput(results, "Inspector: throughput with the compact record, nobody watching", inspector.COMPACT, 0.98),
        _throughput(results, "Inspector: throughput with one viewer on all traffic", inspector.WATCHED, 0.9),
        _throughput(results, "Inspector: throughput with a viewer that has stalled", inspector.STALLED, 0.9),
        _told(results, "Inspector: both viewers are told exactly how many messages they were not shown"),
        _added(results, "Triggers: a stack with a function adds at most 150 µs of CPU to a message", 150),
        _costs_nothing(results, "Triggers: those of other rules cost nothing"),
        _holds_up(results, "Trouble: a trigger in trouble holds up others by at most 10 ms, 99 of 100 times", 10),
        _encoded_once(results, "Protocols: a channel of several kinds of clients", 1.1),
        _at_most("Look-up: with 100,000 rules at most 1.5 × as long as with 10", look_up, 1.5),
    ]
    ran = {
        "Fan-out": "fanout",
        "Rooms": "rooms",
        "Connecting": "connect",
        "Memory": "memory",
        "Inspector": inspector.NAME,
        "Triggers": triggers.NAME,
        "Trouble": trouble.NAME,
        "Protocols": mixed.NAME,
        "Look-up": "rules",
    }
    present = results.scenarios()
    return [v for v in verdicts if ran[v.target.split(",")[0].split(":")[0]] in present]


def _throughput(results: Results, target: str, state: str, bound: float) -> Verdict:
    """Whether the median of the ratios to no record at all is high enough with each number in flight."""
    rounds = {n: results.values(inspector.NAME, inspector.THROUGHPUT.format(n), state) for n in inspector.IN_FLIGHT}
    target = f"{target}: at least {bound} × without any record"
    if not all(rounds.values()):
        return Verdict(target, "–", None)
    texts = []
    for in_flight, values in rounds.items():
        low, high = within(values)
        texts.append(f"{in_flight} in flight {median(values):.3f} ({low:.3f}–{high:.3f} of {len(values)} rounds)")
    return Verdict(target, ", ".join(texts), all(median(values) >= bound for values in rounds.values()))


def _added(results: Results, target: str, bound: float) -> Verdict:
    """Whether the median of what a stack adds is low enough with each number in flight."""
    return _of_triggers(results, target, triggers.ADDED, triggers.STACK, lambda value: value <= bound)


def _costs_nothing(results: Results, target: str) -> Verdict:
    """Whether the median of the ratios to no triggers at all lies as near to 1 as figures of one run do."""
    target = f"{target}: at most 1.03 × without any"
    return _of_triggers(results, target, triggers.RATIO, triggers.OTHERS, lambda value: value <= 1.03)


def _encoded_once(results: Results, target: str, bound: float) -> Verdict:
    """Whether the median of the ratios to each kind alone is low enough, for all mixtures and numbers in flight."""
    target = f"{target}: at most {bound} × its kinds alone"
    texts, met = [], True
    for in_flight in mixed.IN_FLIGHT:
        figures = [results.figure(mixed.NAME, mixed.TO_ALONE.format(in_flight), state) for state in mixed.MIXTURES]
        known = [figure for figure in figures if figure is not None]
        if len(known) < len(figures):
            return Verdict(target, "–", None)
        texts.append(f"{in_flight} in flight " + ", ".join(map(str, known)))
        met = met and all(figure.median <= bound for figure in known)
    return Verdict(target, "; ".join(texts), met)


def _holds_up(results: Results, target: str, bound: float) -> Verdict:
    """Whether what trouble adds to the 99th percentile of others' latency is low enough, in the median of rounds."""
    figure = results.figure(trouble.NAME, "p99", trouble.ADDED)
    return Verdict(target, "–", None) if figure is None else Verdict(target, f"{figure} ms", figure.median <= bound)


def _of_triggers(results: Results, target: str, variant: str, state: str, is_met: Callable[[float], bool]) -> Verdict:
    figures = {n: results.figure(triggers.NAME, variant.format(n), state) for n in triggers.IN_FLIGHT}
    known = {n: figure for n, figure in figures.items() if figure is not None}
    if len(known) < len(figures):
        return Verdict(target, "–", None)
    text = ", ".join(f"{n} in flight {figure}" for n, figure in known.items())
    return Verdict(target, text, all(is_met(figure.median) for figure in known.values()))


def _told(results: Results, target: str) -> Verdict:
    told = [results.figure(inspector.NAME, inspector.TOLD, state) for state in (inspector.WATCHED, inspector.STALLED)]
    known = [figure for figure in told if figure is not None]
    if len(known) < len(told):
        return Verdict(target, "–", None)
    exact = all(figure.low == figure.high == 1 for figure in known)
    return Verdict(target, "told ÷ sent " + ", ".join(str(figure) for figure in known), exact)


def _at_most(target: str, measured: Figure | None, bound: float) -> Verdict:
    return Verdict(target, str(measured or "–"), None if measured is None else measured.median <= bound)


def _below(results: Results, target: str, scenario: str, variant: str, peers: Sequence[str]) -> Verdict:
    """Whether the median ratio to each peer that was measured is below 1."""
    ratios = {peer: results.ratio(scenario, (variant, TIDEGATE), (variant, peer)) for peer in peers}
    known = {peer: ratio for peer, ratio in ratios.items() if ratio is not None}
    if not known:
        return Verdict(target, "–", None)
    text = ", ".join(f"{peer} {ratio.median:.2f}" for peer, ratio in known.items())
    absent = [peer for peer in peers if peer not in known]
    if absent:
        text += f"; without {', '.join(absent)}"
    return Verdict(target, text, all(ratio.median < 1 for ratio in known.values()))
