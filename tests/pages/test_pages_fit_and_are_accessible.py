"""Every page at three widths, light and dark: nothing overflows, and axe reports nothing serious."""

import pyotp
import pytest
from playwright.sync_api import Page, expect

from webapp.models import RoleName
from webapp.services import admins, invitations, sessions, totp

from .conftest import PASSWORD, ROOT, Office

PATHS = [
    "/w/default",
    "/w/default/channels",
    "/w/default/channels?channel=chat/a",
    "/w/default/channels/new",
    "/w/default/channels/edit?target=chat/*&nested=1",
    "/w/default/channels/delete?target=chat/*&nested=1",
    "/w/default/channels/edit?target=off",
    "/w/default/channels/switch?target=chat/*&nested=1",
    "/w/default/channels?status=inactive&q=nothing",
    "/w/default/channels/triggers/new?target=chat/*&nested=1",
    "/w/default/channels/triggers/edit?target=chat/*&nested=1&trigger=" + "t" * 100,
    "/w/default/triggers",
    "/w/default/triggers?q=nothing",
    "/w/default/rules/import",
    "/w/default/tests",
    "/w/default/tests/new",
    "/w/default/tests/1",
    "/w/default/draft",
    "/w/default/inspector/try",
    "/w/default/versions",
    "/w/default/versions/2",
    "/w/default/versions/1/roll-back",
    "/w/default/tokens",
    "/w/default/webhooks",
    "/w/default/webhooks/new",
    "/w/default/webhooks/1",
    "/w/default/webhooks/2",
    "/w/default/webhooks/1/deliveries",
    "/w/default/webhooks/1/deliveries?state=failed",
    "/w/default/webhooks/2/deliveries?state=nonsense",
    "/w/default/webhooks/1/deliveries/1",
    "/w/default/webhooks/1/deliveries/3",
    "/w/default/people",
    "/w/default/audit",
    "/w/default/audit?since=nonsense",
    "/account",
    "/account/two-step",
    "/w/default/tokens?q=nobody",
    "/w/default/tokens/signing",
    "/w/default/tokens/keys",
    "/w/default/explain",
    "/w/default/explain?who=user&user=42&channel=chat/a",
    "/w/default/explain?who=user&user=%3Cb%3E&channel=" + "x" * 256,
    "/w/default/explain?who=client&client=gone",
    "/w/default/explain?who=token",
    "/w/default/bench",
    "/w/default/bench?channel=" + "x" * 255,
    "/w/default/bench?channel=nothing",
    "/w/default/inspector/recordings",
    "/w/default/inspector/recordings/file",
    "/workspaces/new",
    "/w/default/settings",
    "/w/default/inspector",
    "/w/default/bench",
    "/w/default/nothing",
]
TRIGGERS = [
    {
        "name": "t" * 100,
        "events": ["message", "join", "leave", "event"],
        "on_failure": "pass",
        "steps": [
            {"type": "condition", "expression": "event.payload.text === " + "x" * 200},
            {"type": "validate", "message": "y" * 300},
            {"type": "rate_limit"},
            {"type": "transform", "changes": [{"do": "set", "field": "z" * 100, "value": "z" * 200}]},
            {"type": "javascript"},
            {"type": "webhook", "url": "https://hooks.example.com/" + "w" * 200},
            {"type": "publish", "data": {"long": "v" * 200}},
            {"type": "log", "text": "u" * 300},
            {"type": "stop"},
        ],
    },
    {"name": "another", "enabled": False},
]
RULES = (
    {"pattern": "chat", "wildcard": True, "client_public_messaging": True, "history": 1000, "triggers": TRIGGERS},
    {"pattern": "x" * 255, "description": "y" * 500, "client_private_messaging_authenticated_only": True},
    {"pattern": "off", "enabled": False, "client_authenticated_messaging": True},
)
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
AXE = """() => axe.run({resultTypes: ["violations"]}).then(({violations}) => violations
    .filter(v => ["serious", "critical"].includes(v.impact))
    .map(v => `${v.id}: ${v.nodes.map(n => n.html.slice(0, 160)).join(" | ")}`))"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1440, 900), (1024, 768), (390, 844)], ids=lambda size: str(size[0]))
def test_pages(at_home: Page, office: Office, size: tuple[int, int], scheme: str) -> None:
    office.publish(*RULES)
    for identity in (None, {"sub": "u" * 100, "extras": {"<b>": "x" * 300}}):
        office.test(channel="x" * 255, operation="send_private", identity=identity)
    office.draft(
        {"pattern": "off"},
        {"pattern": "z" * 255, "description": "w" * 400},
        {"pattern": "chat", "wildcard": True, "triggers": TRIGGERS},
    )
    office.publish(*RULES[:2], {"pattern": "off", "presence": True})
    office.webhooks()
    axe = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    at_home.set_viewport_size({"width": size[0], "height": size[1]})
    at_home.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    for path in PATHS:
        at_home.goto(path)
        assert at_home.evaluate(OVERFLOW) <= 0, path
        at_home.evaluate(axe)
        assert at_home.evaluate(AXE) == [], path


@pytest.mark.parametrize("path", ["/sign-in", "/setup/gone", "/join/gone"])
def test_pages_before_the_sign_in(page: Page, path: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(path)
    assert page.evaluate(OVERFLOW) <= 0
    page.evaluate((ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8"))
    assert page.evaluate(AXE) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_people_with_all_that_unfolds(at_home: Page, office: Office, scheme: str) -> None:
    office.admin("x" * 100, RoleName.VIEWER)
    with office.app.app_context():
        long_name = admins.by_username("x" * 100)
        for _ in range(2):
            sessions.begin(long_name, address="2001:db8:1234:5678:9abc:def0:1234:5678", user_agent="y" * 300)
        invitations.create(office.workspace, "viewer", "z" * 200, author="ada", source="web")
        totp.begin(admins.by_username("ada"), PASSWORD)
    axe = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    at_home.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    for width in (1440, 1024, 390):
        at_home.set_viewport_size({"width": width, "height": 844})
        for path in ("/w/default/people", "/w/default/audit", "/account/two-step"):
            at_home.goto(path)
            for details in at_home.locator("main details").all():
                details.evaluate("details => details.open = true")
            assert at_home.evaluate(OVERFLOW) <= 0, (path, width)
            at_home.evaluate(axe)
            assert at_home.evaluate(AXE) == [], (path, width)


def test_an_invitation_and_the_second_step(page: Page, office: Office) -> None:
    office.admin()
    with office.app.app_context():
        token = invitations.create(office.workspace, "viewer", author="x" * 200, source="web")[1]
        totp.begin(admins.by_username("ada"), PASSWORD)
        enrolment = totp.enrolment(admins.by_username("ada"))
        assert enrolment is not None
        totp.confirm(admins.by_username("ada"), pyotp.TOTP(enrolment.secret).now())
    axe = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/join/{token}")
    assert page.evaluate(OVERFLOW) <= 0
    page.evaluate(axe)
    assert page.evaluate(AXE) == []
    page.goto("/sign-in")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/sign-in/code")
    assert page.evaluate(OVERFLOW) <= 0
    page.evaluate(axe)
    assert page.evaluate(AXE) == []


@pytest.mark.parametrize("width", [1440, 390])
def test_verdicts_are_seen_and_their_steps_only_when_asked_for(at_home: Page, office: Office, width: int) -> None:
    """Two pages called different things by one class: verdicts vanished on one, steps covered the form on the other."""
    office.publish(*RULES)
    at_home.set_viewport_size({"width": width, "height": 900})
    at_home.goto("/w/default/explain")
    for verdict in at_home.locator(".verdict-button").all():
        expect(verdict).to_be_visible()
    expect(at_home.locator(".why-steps:visible")).to_have_count(0)
    at_home.goto("/w/default/channels/new?preset=open-chat")
    expect(at_home.locator(".matrix .cell:visible")).to_have_count(33)
    expect(at_home.locator(".why:visible")).to_have_count(0)
