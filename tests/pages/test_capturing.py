"""What is captured: said on every page of the inspector, switched by owners, over by itself."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Page, expect

from tests.servers import Server, rule, serving
from tests.sockets.clients import connecting
from webapp.models import RoleName
from webapp.services import capture, workspaces

from .conftest import Office
from .test_left_pane import signed_in as signed_in_on

INSPECTOR = "/w/default/inspector"
PAGES = (INSPECTOR, "/w/default/bench", f"{INSPECTOR}/recordings", f"{INSPECTOR}/try")
SignIn = Callable[..., FlaskClient]


def post(client: FlaskClient, path: str, **form: str) -> int:
    return client.post(path, data={"csrf_token": client.token, **form}).status_code  # type: ignore[attr-defined]


def banners(client: FlaskClient) -> list[bool]:
    return ["Payloads are captured until" in client.get(path).text for path in PAGES]


def test_an_owner_switches_it_on_and_off(signed_in: SignIn, office: Office) -> None:
    client = signed_in()
    assert not any(banners(client))
    assert "without payloads" in client.get(INSPECTOR).text
    assert post(client, f"{INSPECTOR}/capture", seconds="900") == 303
    assert all(banners(client))
    page = client.get(INSPECTOR).text
    assert re.search(r"captured until [\d: -]+ UTC</strong>, switched on by <bdi>owner1</bdi>", page)
    assert post(client, f"{INSPECTOR}/capture/stop") == 303
    assert not any(banners(client))
    text = client.get("/w/default/audit").text
    assert "changed what the inspector captures to" in text


@pytest.mark.parametrize("seconds", ["", "0", "60", "86401", "x"])
def test_other_times_are_refused(signed_in: SignIn, office: Office, seconds: str) -> None:
    client = signed_in()
    post(client, f"{INSPECTOR}/capture", seconds=seconds)
    assert not any(banners(client))


@pytest.mark.parametrize("role", [RoleName.VIEWER, RoleName.DEVELOPER, RoleName.EDITOR])
def test_others_see_the_banner_and_change_nothing(signed_in: SignIn, office: Office, role: RoleName) -> None:
    client = signed_in(role)
    assert "Capture payloads" not in client.get(INSPECTOR).text
    assert post(client, f"{INSPECTOR}/capture", seconds="900") == 403
    with office.app.app_context():
        capture.start(office.workspace, 900, author="ada", source="web")
    assert all(banners(client))
    assert "End it now" not in client.get(INSPECTOR).text
    assert post(client, f"{INSPECTOR}/capture/stop") == 403
    assert post(client, "/w/default/settings/capture", base="off", redacted="") == 403
    assert all(banners(client))


def test_off_says_that_nothing_is_recorded(signed_in: SignIn, office: Office) -> None:
    client = signed_in()
    assert post(client, "/w/default/settings/capture", base="off", redacted="pin\n  Pin \n\ncode") == 303
    assert "Nothing is recorded:" in client.get(INSPECTOR).text
    assert "Nothing is recorded:" not in client.get("/w/default/bench").text
    with office.app.app_context():
        assert workspaces.get("default").redacted_fields == ["code", "pin"]
    settings = client.get("/w/default/settings").text
    assert "code\r\npin" in settings or "code\npin" in settings
    post(client, f"{INSPECTOR}/capture", seconds="300")
    assert all(banners(client))


def test_settings_name_what_is_wrong(signed_in: SignIn, office: Office) -> None:
    client = signed_in()
    form = {"csrf_token": client.token, "base": "metadata", "redacted": "x" * 101}  # type: ignore[attr-defined]
    answer = client.post("/w/default/settings/capture", data=form)
    assert answer.status_code == 422
    assert "A name has at most 100 characters" in answer.text
    assert "x" * 101 in answer.text
    assert post(client, "/w/default/settings/capture", base="full", redacted="") == 422


@pytest.fixture(scope="module")
def running(front_end: Path) -> Iterator[Server]:
    with serving() as server:
        server.publish(rule("*", "A M"))
        yield server


@pytest.fixture
def page(browser: Browser, running: Server) -> Iterator[Page]:
    with signed_in_on(browser, running) as page:
        yield page


def test_it_is_over_by_itself_and_what_passed_then_stays_visible(page: Page, running: Server) -> None:
    with connecting(running) as connect:
        client = connect()
        client.join("a")
        client.say("a", {"before": 1})
        client.sync()
        running.call("capture", seconds=6)
        page.goto(INSPECTOR)
        expect(page.locator("#capture")).to_contain_text("Payloads are captured until")
        client.say("a", {"while it was on": 2, "Password": "hunter2"})
        line = page.locator(".lines a.line", has_text="while it was on")
        expect(line).to_be_visible()
        expect(page.locator("#capture")).to_contain_text("without payloads", timeout=15_000)
        client.say("a", {"afterwards": 3})
        expect(page.locator(".lines a.line", has_text="public message")).to_have_count(3)
        page.reload()
        expect(line).to_be_visible()
        lines = page.locator(".lines").inner_text()
    assert "hunter2" not in lines
    assert "before" not in lines
    assert "afterwards" not in lines


def test_it_is_switched_on_and_ended_with_the_mouse(page: Page) -> None:
    page.goto(INSPECTOR)
    page.get_by_text("Capture payloads…").click()
    page.get_by_label("For how long").select_option("5 minutes")
    page.get_by_role("button", name="Capture payloads").click()
    expect(page.locator("#capture")).to_contain_text("switched on by")
    page.goto("/w/default/bench")
    page.get_by_role("button", name="End it now").click()
    expect(page.locator(".notice")).to_contain_text("No more payloads are captured.")
    expect(page.locator("#capture .banner")).to_have_count(0)
