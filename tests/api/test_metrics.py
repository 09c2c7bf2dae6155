"""The numbers for Prometheus: what they count, and who may read them."""

from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open_metrics
from prometheus_client.parser import text_string_to_metric_families

from tests.api.client import Api, Client, Server, a_channel, rule
from tests.api.conftest import started
from webapp.core.codes import Code


def _numbers(server: Server) -> dict[tuple[str, ...], float]:
    text = server.request("GET", "/metrics").body.decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_they_count_what_happens(api: Api, server: Server) -> None:
    version = api.rules(rule("room/*", "A M"))
    channel = a_channel()
    before = _numbers(server)
    with Client(server).join(channel) as one, Client(server).join(channel) as two:
        one.send("message", channel, 1)
        assert two.next()["payload"] == 1
        two.send("join", "nowhere", None)
        assert two.next()["payload"]["code"] == "no_rule"
        during = _numbers(server)
    assert during["tidegate_clients",] - before["tidegate_clients",] == 2
    assert during["tidegate_channels",] - before["tidegate_channels",] == 1
    assert during["tidegate_memberships",] - before["tidegate_memberships",] == 2
    for name, much in (("connections", 2), ("joins", 2), ("messages", 1), ("deliveries", 2)):
        assert during[f"tidegate_{name}_total",] - before[f"tidegate_{name}_total",] == much, name
    refused = ("tidegate_refusals_total", "no_rule")
    assert during[refused] - before[refused] == 1
    assert during["tidegate_outbox_bytes",] == 0
    assert during["tidegate_rules_version", "default"] == version


def test_runs_of_triggers_are_counted_by_outcome(api: Api, server: Server) -> None:
    code = "(event) => { if (event.payload === 0) throw new Error('no'); if (event.payload === 1) event.x.y; }"
    stack = [{"type": "javascript", "code": code}]
    api.rules({**rule("room/*", "A M"), "triggers": [{"name": "guard", "events": ["message"], "steps": stack}]})
    channel, before = a_channel(), _numbers(server)
    with Client(server).join(channel) as client:
        for payload in (0, 1, 2):
            client.send("message", channel, payload)
            client.next()
    after = _numbers(server)
    for outcome in ("blocked", "failed", "passed"):
        name = ("tidegate_trigger_runs_total", outcome)
        assert after[name] - before[name] == 1, outcome
    assert after["tidegate_trigger_leaves_dropped_total",] == 0


def test_closes_are_counted_by_codes_that_are_bounded(server: Server) -> None:
    before = _numbers(server)
    for code in (1000, 4321, 3999):
        with Client(server) as client:
            client.socket.close(code)
    after = _numbers(server)
    assert after["tidegate_closes_total", "1000"] - before["tidegate_closes_total", "1000"] >= 1
    assert ("tidegate_closes_total", "4321") not in after
    assert after["tidegate_closes_total", "other"] - before["tidegate_closes_total", "other"] == 2


def test_every_code_has_its_line_from_the_start(server: Server) -> None:
    numbers = _numbers(server)
    assert [code for code in Code if ("tidegate_refusals_total", code.value) not in numbers] == []


def test_the_format_is_the_one_that_is_asked_for(server: Server) -> None:
    answer = server.request("GET", "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert any(family.name == "tidegate_clients" for family in parse_open_metrics(answer.body.decode()))


def test_on_loopback_no_key_is_needed_but_not_through_a_proxy(server: Server) -> None:
    assert server.request("GET", "/metrics").status == 200
    assert server.request("GET", "/metrics", control=True).status == 200
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via", "X-Forwarded-Proto", "X-Forwarded-Host"):
        answer = server.request("GET", "/metrics", headers={header: "127.0.0.1"}, address="127.0.0.9")
        assert (answer.status, answer.error) == (401, "key_missing")


def test_behind_a_trusted_proxy_a_key_is_needed(tmp_path: Path) -> None:
    with started(tmp_path, proxies="127.0.0.1") as server:
        assert server.request("GET", "/metrics").error == "key_missing"
        assert server.request("GET", "/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).error == "key_missing"
        right = {"Authorization": f"Bearer {server.key('read')}", "X-Forwarded-For": "203.0.113.5"}
        assert server.request("GET", "/metrics", headers=right).status == 200


def test_a_key_needs_the_scope_and_sees_its_own_workspace(server: Server) -> None:
    def ask(key: str) -> tuple[int, bytes]:
        answer = server.request(
            "GET", "/metrics", headers={"Authorization": f"Bearer {key}", "Via": "1.1 proxy"}, address="127.0.0.9"
        )
        return answer.status, answer.body

    status, body = ask(server.key("read"))
    assert status == 200
    assert b'tidegate_rules_version{workspace="default"}' in body
    assert b'workspace="other"' not in body
    assert ask(server.key("publish", "tokens", "rules"))[0] == 403
    assert ask("tg_00000000_wrong")[0] == 401
