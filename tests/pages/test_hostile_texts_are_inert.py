"""Hostile names, claims, user agents and descriptions on every page of a real server: shown as text, never run."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page
from websockets.sync.client import connect

from tests.servers import Server, rule, serving, until

from .conftest import PASSWORD

HOSTILE = "\"'><img src=x onerror=alert(1)><script>alert(2)</script>{{7+7}}</style>\u202e"
PATHS = (
    "",
    "/channels",
    "/channels?channel={h}",
    "/channels?q={h}",
    "/channels/edit?target={h}",
    "/channels/delete?target={h}",
    "/channels/switch?target={h}&becomes=off",
    "/channels/new?preset={h}",
    "/channels/triggers/edit?target={h}&trigger={h}",
    "/channels/triggers/new?target={h}",
    "/triggers",
    "/triggers?q={h}&channel={h}&state={h}&event={h}",
    "/draft",
    "/inspector?selected={r}",
    "/inspector/try?within=all",
    "/inspector/try?channel={h}&user={h}&text={h}",
    "/inspector/try?selected={r}",
    "/inspector/again/{r}",
    "/versions",
    "/versions/1",
    "/versions/1/roll-back",
    "/tests",
    "/tests/1",
    "/tests/new?channel={h}&operation=join&identity={h}",
    "/rules/import",
    "/explain?who=user&user={h}",
    "/explain?who=user&user={h}&channel={h}",
    "/explain?who=client&client={s}&channel={h}",
    "/tokens",
    "/tokens?q={h}",
    "/tokens/signing",
    "/tokens/keys",
    "/webhooks",
    "/webhooks/1",
    "/webhooks/1/deliveries",
    "/webhooks/1/deliveries?state={h}&before={h}",
    "/webhooks/1/deliveries/1",
    "/people",
    "/audit",
    "/audit?actor={h}&text={h}",
    "/settings",
    "/inspector?channel={h}&open={h}&open=room&q={h}",
    "/inspector?open=room&unfold={s}",
    "/inspector?channel={c}&unfold={s}&user={h}",
    "/inspector?tab=clients&unfold={s}",
    "/inspector?tab=blocks",
    "/bench",
    "/bench?channel={h}",
    "/inspector/recordings",
    "/inspector/recordings?channel={h}&text={h}",
    "/inspector/recordings/1/open",
    "/inspector/recordings/1/open?text={h}",
    "/inspector/recordings/file?channel={h}",
)
TRIGGER = {
    "name": HOSTILE,
    "events": ["join", "leave"],
    "on_failure": "pass",
    "steps": [
        {"type": "log", "text": HOSTILE.replace("{{", "{")},
        {"type": "validate", "schema": {"title": HOSTILE}, "message": HOSTILE},
        {"type": "transform", "changes": [{"do": "set", "field": "a", "value": HOSTILE.replace("{{", "{")}]},
        {"type": "javascript", "code": f"(event) => {{ throw new TypeError({json.dumps(HOSTILE)}); }}"},
    ],
}
INJECTED = "document.querySelectorAll('img[src=x], script:not([nonce]):not([src]):not([type])').length"


@pytest.fixture(scope="module")
def hostile_server() -> Iterator[Server]:
    with serving(limit_messages_per_minute=0) as server:
        server.publish(
            rule(HOSTILE, "A P M", description=HOSTILE, history=25, triggers=[TRIGGER]),
            rule("*", "A P M", description=HOSTILE),
        )
        yield server


@pytest.fixture
def owner(browser: Browser, hostile_server: Server) -> Iterator[Page]:
    """A page of the first owner, whose browser itself has a hostile name."""
    context = browser.new_context(
        base_url=f"http://127.0.0.1:{hostile_server.port}", user_agent=HOSTILE.encode("ascii", "ignore").decode()
    )
    page = context.new_page()
    page.goto(hostile_server.call("setup_link"))
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password, repeated").fill(PASSWORD)
    page.get_by_role("button", name="Create owner").click()
    page.wait_for_url("**/w/default")
    yield page
    context.close()


def test_every_page(owner: Page, hostile_server: Server) -> None:
    reports: list[str] = []
    owner.on("dialog", lambda dialog: (reports.append(f"dialog: {dialog.message}"), dialog.dismiss()))  # type: ignore[func-returns-value]
    owner.on("console", lambda m: reports.append(m.text) if m.type in ("error", "warning") else None)
    owner.on("pageerror", lambda error: reports.append(str(error)))
    hostile_server.call("fill_with", text=HOSTILE)
    token = hostile_server.token(HOSTILE, extras={"name": HOSTILE, HOSTILE: HOSTILE})
    agent = HOSTILE.encode("ascii", "ignore").decode()
    address = f"ws://127.0.0.1:{hostile_server.port}/rt/default"
    with ExitStack() as clients:
        for channel in (HOSTILE, f"room/{HOSTILE}"):
            client = clients.enter_context(connect(address, subprotocols=[token], user_agent_header=agent))  # type: ignore[list-item]
            for action in ("join", "message"):
                client.send(json.dumps({"action": action, "options": {"channel": channel}, "payload": {"t": HOSTILE}}))
            client.send(json.dumps({"action": "message", "options": {"channel": "x" + HOSTILE}, "payload": HOSTILE}))
            socket_id = next(c["socket_id"] for c in hostile_server.call("clients"))
        ref = until(lambda: hostile_server.call("refusals"))[-1]["ref"]
        names = {"h": re.sub(r"[^A-Za-z0-9]", lambda m: "".join(f"%{b:02X}" for b in m[0].encode()), HOSTILE)}
        for path in PATHS:
            answer = owner.goto("/w/default" + path.format(**names, c="room/" + names["h"], s=socket_id, r=ref))
            assert answer is not None
            assert answer.status in (200, 404), path
            owner.wait_for_load_state("load")
            assert owner.evaluate(INJECTED) == 0, path
            assert "14</style>" not in owner.content(), path
        for path in (
            "/channels",
            "/triggers",
            "/draft",
            "/versions",
            "/tests",
            "/tokens",
            "/webhooks",
            "/webhooks/1",
            "/webhooks/1/deliveries",
            "/webhooks/1/deliveries/1",
            "/people",
            "/audit",
            "/explain?who=client",
            "/inspector?open=room",
            "/inspector?tab=clients",
            "/inspector?tab=blocks",
            "/inspector/recordings",
            "/inspector/recordings/1/open",
        ):
            owner.goto("/w/default" + path)
            assert "<script>alert(2)</script>" in owner.locator("main").inner_text(), f"{path} does not show it at all"
        owner.goto("/account")
        assert owner.evaluate(INJECTED) == 0
    assert reports == []
