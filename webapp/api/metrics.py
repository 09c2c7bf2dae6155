"""Numbers for Prometheus. They are counted as plain integers where things happen and read here when asked for."""

from collections.abc import Iterator
from ipaddress import ip_address

from flask import Blueprint, Response, current_app, request
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from ..config import Settings
from ..core.codes import CloseCode, Code
from ..models import Scope
from ..realtime.server import Realtime
from ..triggers.steps.base import State
from . import access
from .errors import ApiError, ErrorCode

blueprint = Blueprint("metrics", __name__)
OTHER = "other"
OUTCOMES = ("delivered", "retried", "failed", "dropped")
# What the server sends, and what clients and networks end connections with. Clients may send any number.
_CLOSE_CODES = frozenset({*map(int, CloseCode), 1001, 1005, 1006})


class Numbers:
    """The collector of one scrape. ``workspace_id`` names the only workspace whose name may be shown; None: all."""

    def __init__(self, realtime: Realtime, workspace_id: int | None) -> None:
        self._realtime = realtime
        self._workspace_id = workspace_id

    def collect(self) -> Iterator[Metric]:
        realtime, tap = self._realtime, self._realtime.tap
        yield _gauge("clients", "Connections that are open.", len(realtime.connections))
        yield _gauge("channels", "Channels with members.", sum(len(w.channels) for w in realtime.workspaces.values()))
        yield _gauge(
            "memberships", "Places of connections in channels.", sum(len(c.memberships) for c in realtime.connections)
        )
        yield _gauge(
            "outbox_bytes", "Bytes that wait for clients that read slowly.", sum(c.queued for c in realtime.connections)
        )
        yield _gauge("draining", "1 while the server is closing its connections to end.", int(realtime.draining))
        yield _gauge("start_time_seconds", "When the server started, in seconds since 1970.", tap.started_at)
        yield _counter("connections", "Connections that were made.", tap.connections)
        yield _counter("joins", "Joins of channels.", tap.joins)
        yield _counter("messages", "Messages and events that were accepted.", tap.messages)
        yield _counter("deliveries", "Messages handed to recipients.", realtime.hub.deliveries)
        yield _gauge("webhook_pending", "Deliveries that wait for webhooks.", realtime.webhooks.waiting.total())
        yield self._deliveries_of_webhooks()
        yield self._refusals()
        yield self._trigger_runs()
        yield _counter(
            "trigger_leaves_dropped",
            "Leave triggers that were not run because too many were waiting.",
            realtime.triggers.leaves_dropped,
        )
        yield self._closes()
        yield self._versions()

    def _refusals(self) -> Metric:
        refused = self._realtime.tap.refused
        family = CounterMetricFamily("tidegate_refusals", "What clients were refused, by code.", labels=["code"])
        for code in Code:
            family.add_metric([code.value], refused[code])
        return family

    def _trigger_runs(self) -> Metric:
        counted = self._realtime.triggers.log.counted
        family = CounterMetricFamily("tidegate_trigger_runs", "Runs of triggers, by outcome.", labels=["outcome"])
        for state in (State.PASSED, State.CHANGED, State.BLOCKED, State.FAILED):
            family.add_metric([state.value], counted[state])
        return family

    def _deliveries_of_webhooks(self) -> Metric:
        outcomes = self._realtime.webhooks.outcomes
        family = CounterMetricFamily(
            "tidegate_webhook_deliveries", "Attempts to deliver to webhooks, by what came of them.", labels=["outcome"]
        )
        for outcome in OUTCOMES:
            family.add_metric([outcome], outcomes[outcome])
        return family

    def _closes(self) -> Metric:
        counts = {str(code): 0 for code in sorted(_CLOSE_CODES)} | {OTHER: 0}
        for code, count in self._realtime.tap.closed.items():
            counts[str(code) if code in _CLOSE_CODES else OTHER] += count
        family = CounterMetricFamily("tidegate_closes", "Connections that ended, by close code.", labels=["code"])
        for label, count in counts.items():
            family.add_metric([label], count)
        return family

    def _versions(self) -> Metric:
        family = GaugeMetricFamily("tidegate_rules_version", "The version of the rules in force.", labels=["workspace"])
        for workspace in self._realtime.workspaces.values():
            if self._workspace_id in (None, workspace.config.id):
                family.add_metric([workspace.canonical], workspace.rules.version)
        return family


@blueprint.get("/metrics")
def metrics() -> Response:
    """Answer in the format that the scraper asks for. Without a key on this machine's loopback addresses alone."""
    workspace_id = None if _is_local() else _workspace_of_key()
    realtime: Realtime | None = current_app.extensions.get("tidegate.realtime")
    if realtime is None:
        raise ApiError(ErrorCode.NOT_SERVING)
    collectors = CollectorRegistry()
    collectors.register(Numbers(realtime, workspace_id))
    ProcessCollector(registry=collectors)
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(collectors), content_type=content_type, headers={"Cache-Control": "no-store"})


def _is_local() -> bool:
    """Whether the peer itself is on a loopback address, and no proxy speaks for somebody else."""
    if access.on_control_socket():
        return True
    settings: Settings = current_app.extensions["tidegate.settings"]
    if access.proxied():
        return False
    try:
        peer = ip_address(request.environ.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    mapped = getattr(peer, "ipv4_mapped", None)
    if any(peer in network for network in settings.proxies):
        return False
    return (mapped or peer).is_loopback


def _workspace_of_key() -> int:
    caller = access.identify()
    assert caller.key is not None
    if not caller.may_any((Scope.READ,)):
        raise ApiError(ErrorCode.SCOPE_MISSING, "This needs a key with the scope `read`.")
    return caller.key.workspace_id


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"tidegate_{name}", text, value=value)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"tidegate_{name}", text, value=value)
