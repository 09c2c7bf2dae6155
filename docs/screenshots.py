"""Make the pictures of the README: ``.venv/bin/python docs/screenshots.py``, after ``make test`` has set up Playwright.

Starts a server with a temporary instance, fills it, and photographs its pages in Debian's Chromium.
"""

import itertools
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from websockets.sync.client import ClientConnection, connect

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
PORT = "18099"
CHANNELS = (
    "chat/harbour",
    "chat/harbour",
    "chat/moderated",
    "chat/moderated",
    "chat/moderated",
    "lobby",
    "chat/pilots",
)
CIVIL = """async function (event) {
  const words = event.payload.text.toLowerCase().split(/\\W+/);
  if (words.includes("casino")) throw new Error("Mind your words.");
  event.payload.team = event.params[0];
  return event;
}"""
RULES = [
    {"pattern": "lobby", "anonymous_clients": True, "description": "Announcements to anyone; nobody sends"},
    {
        "pattern": "chat/*",
        "wildcard": True,
        "presence": True,
        "client_public_messaging": True,
        "history": 100,
        "description": "Rooms for everyone",
    },
    {
        "pattern": "chat/moderated",
        "anonymous_clients": True,
        "presence": True,
        "client_public_messaging": True,
        "client_public_messaging_authenticated_only": True,
        "history": 250,
        "description": "Sign in to send",
    },
    {
        "pattern": "org/*/rooms/*",
        "wildcard": True,
        "presence": True,
        "client_public_messaging": True,
        "client_public_messaging_authenticated_only": True,
        "client_private_messaging": True,
        "client_private_messaging_authenticated_only": True,
        "history": 1000,
        "description": "Teams, with direct messages",
        "triggers": [
            {
                "name": "Keep it civil",
                "events": ["message"],
                "steps": [
                    {"type": "rate_limit", "limit": 20, "seconds": 60, "per": "user", "message": "Slow down, please."},
                    {"type": "javascript", "code": CIVIL},
                    {"type": "transform", "changes": [{"do": "mask", "field": "email"}]},
                ],
            }
        ],
    },
    {"pattern": "beta/*", "wildcard": True, "enabled": False, "client_authenticated_messaging": True},
]


def main() -> None:
    """Start, fill, photograph, stop."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "TIDEGATE_INSTANCE": folder, "TIDEGATE_PORT": PORT}
        rules = Path(folder) / "rules.json"
        rules.write_text(json.dumps({"channels": RULES}))
        tidegate = [sys.executable, str(ROOT / "app.py")]
        subprocess.run([*tidegate, "db", "upgrade"], env=env, check=True, capture_output=True)
        subprocess.run([*tidegate, "rules", "apply", str(rules)], env=env, check=True, capture_output=True)
        log = Path(folder) / "log"
        with log.open("w") as output:
            server = subprocess.Popen([*tidegate, "serve"], env=env, stdout=output, stderr=output)
        try:
            photograph(_link(log))
        finally:
            server.terminate()
            server.wait()


def photograph(link: str) -> None:
    """Become the first admin, change something with clients connected, and take the pictures."""
    arguments = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as playwright, ExitStack() as clients:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=arguments)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(link)
        page.fill("input[name=username]", "ada")
        for field in page.query_selector_all("input[type=password]"):
            field.fill("correct horse battery staple")
        page.keyboard.press("Enter")
        page.wait_for_url("**/w/default")
        base = page.url
        talking = [clients.enter_context(_client()) for _ in CHANNELS]
        for client, channel in zip(talking, CHANNELS):
            _send(client, "join", channel, {"presence": True})
        _talk(talking, seconds=25)
        _shot(page, base, "overview")
        page.goto(f"{base}/channels/edit?target=chat/moderated")
        page.get_by_label("Anonymous clients").uncheck()
        page.locator("#cell-anonymous-join .diamond").wait_for()
        page.screenshot(path=IMAGES / "rule.png")
        page.get_by_role("button", name="Save in the draft").click()
        page.get_by_role("link", name="Review and publish").wait_for()
        _shot(page, f"{base}/channels?channel=chat/moderated", "channels")
        _shot(page, f"{base}/draft", "draft")
        _shot(page, f"{base}/explain?who=user&user=42", "explain")
        _inspect(page, base, talking)
        _trigger(page, base)


def _trigger(page: Page, base: str) -> None:
    """Photograph a trigger with its test run."""
    page.set_viewport_size({"width": 1440, "height": 1160})
    page.goto(f"{base}/channels/triggers/edit?target=org/*/rooms/*&nested=1&trigger=Keep+it+civil")
    page.get_by_label("Channel", exact=True).fill("org/acme/rooms/lobby")
    page.get_by_label("Payload").fill('{"text": "Good morning", "email": "ada@example.com"}')
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_text("it goes on").wait_for()
    page.evaluate("scrollTo(0, 250)")
    page.wait_for_timeout(1500)
    page.screenshot(path=IMAGES / "trigger.png")


def _inspect(page: Page, base: str, clients: list[ClientConnection]) -> None:
    """Photograph a message that was refused, with all that explains it, among others that pass."""
    page.set_viewport_size({"width": 1440, "height": 860})
    page.goto(f"{base}/inspector?action=message")
    page.locator(".lines a.line").first.wait_for()
    for number in range(40):
        client, channel = clients[number % len(clients)], CHANNELS[number % len(clients)]
        _send(client, "message", channel, {"n": number})
        time.sleep(0.05)
    page.locator(".lines a.line.denied").last.click()
    page.locator("#look .route").wait_for()
    page.wait_for_timeout(2500)
    page.screenshot(path=IMAGES / "inspector.png")


def _client() -> ClientConnection:
    return connect(f"ws://127.0.0.1:{PORT}/rt/default", max_queue=None, ping_interval=None)


def _send(client: ClientConnection, action: str, channel: str, payload: object) -> None:
    client.send(json.dumps({"action": action, "options": {"channel": channel}, "payload": payload}))


def _talk(clients: list[ClientConnection], seconds: float) -> None:
    """Let the charts have something to show: every client says something now and then."""
    ends = time.monotonic() + seconds
    for number in itertools.count():
        client, channel = clients[number % len(clients)], CHANNELS[number % len(clients)]
        _send(client, "message", channel, {"n": number})
        if time.monotonic() > ends:
            return
        time.sleep(0.02 + 0.03 * abs(math.sin(number / 80)))


def _shot(page: Page, address: str, name: str) -> None:
    page.goto(address)
    page.wait_for_timeout(1500)  # what is fetched once the page is there: charts, the preview
    page.screenshot(path=IMAGES / f"{name}.png")


def _link(log: Path) -> str:
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        text = log.read_text()
        found = re.search(r"http://\S+/setup/\S+", text)
        if found and "Booting worker" in text:
            time.sleep(1)
            return found.group(0)
        time.sleep(0.1)
    raise TimeoutError(log.read_text())


if __name__ == "__main__":
    main()
