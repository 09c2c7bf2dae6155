"""The dashboard for tests: a Flask client, and a real Chromium on an application that listens on a free port."""

import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from playwright.sync_api import Browser, Page, Playwright, sync_playwright
from werkzeug.serving import make_server

from tests.parallel import locked
from webapp import create_app
from webapp.config import Settings
from webapp.core.documents import parse_document
from webapp.core.webhooks import WebhookEvent
from webapp.extensions import db, limiter
from webapp.models import DeliveryState, RoleName, WebhookDelivery, Workspace, now
from webapp.services import admins, drafts, passwords, rules, ruletests, sessions, webhooks, workspaces
from webapp.services.transactions import writing
from webapp.services.webhooks import Spec
from webapp.web import vendor
from webapp.web.access import SIGN_IN

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery"
BROWSER_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
REFUSED = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")


@pytest.fixture(scope="session")
def front_end() -> Path:
    """The front-end packages, with what only tests need."""
    with locked(ROOT / "package-lock.json"):
        vendor.bring_in(ROOT, dev=True)
    return ROOT


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Where Jinja keeps templates that it has compiled: each test has an application of its own."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def app(settings: Settings, front_end: Path, compiled: FileSystemBytecodeCache) -> Iterator[Flask]:
    app = create_app(settings)
    app.jinja_env.bytecode_cache = compiled
    with app.app_context():
        workspaces.ensure_default()
        limiter.reset()
    yield app
    with app.app_context():
        db.engine.dispose()


@cache
def password_hash() -> str:
    """The hash of the password of all test users, made once: it takes a tenth of a second."""
    return passwords.hashed(PASSWORD)


@dataclass
class Office:
    """Does with the services what a test needs done before it looks at pages."""

    app: Flask

    @property
    def workspace(self) -> Workspace:
        return workspaces.get("default")

    def admin(self, username: str = "ada", role: RoleName = RoleName.OWNER) -> str:
        """Make an admin, as `admins.create` does once it has the hash of the password."""
        with self.app.app_context():
            workspace = self.workspace
            with writing() as session:
                admins._add(session, username, password_hash(), role, workspace, "test", "cli", None)
        return username

    def sign_in(self, username: str = "ada") -> dict[str, str]:
        """Sign an admin in as the form does once the password fits, and return what the browser's cookie keeps."""
        with self.app.app_context():
            return {SIGN_IN: sessions.begin(admins.by_username(username), address="127.0.0.1", user_agent="tests")}

    def setup_link(self) -> str:
        with self.app.app_context():
            return f"/setup/{admins.setup_link()}"

    def publish(self, *rows: dict[str, object], **switches: bool) -> int:
        with self.app.app_context():
            parsed = parse_document({"channels": list(rows), **switches})
            return rules.publish(self.workspace, parsed.rules, author="test", source="cli").version

    def test(self, **fields: object) -> int:
        given = {"name": "", "channel": "chat/a", "operation": "join", "identity": None, "allowed": True} | fields
        with self.app.app_context():
            return ruletests.create(self.workspace, **given, author="test", source="cli").id  # type: ignore[arg-type]

    def draft(self, *rows: dict[str, object], author: str = "bob") -> None:
        """Begin a draft that holds these rules alone, and a saved test that it fails."""
        with self.app.app_context():
            drafts.replace_all(self.workspace, parse_document({"channels": list(rows)}).rules, author=author)
            ruletests.create(
                self.workspace, name="Guests may join the lobby of the chat", channel="chat/lobby", operation="join",
                identity=None, allowed=True, author=author, source="cli",
            )  # fmt: skip

    def webhooks(self) -> None:
        """Two webhooks, one of which is off, and deliveries in every state, with texts as long as can be."""
        with self.app.app_context():
            every = tuple(event.value for event in WebhookEvent)
            long = Spec(
                "x" * 100, "https://hooks.example.com/" + "y" * 900, every, ("chat/*", "z" * 255), "event.client",
                {"denials": 100, "unusual": True},
            )  # fmt: skip
            by = {"author": "test", "source": "cli"}
            row = webhooks.create(self.workspace, long, **by)
            webhooks.rotate(self.workspace, row.id, **by)
            other = webhooks.create(self.workspace, Spec("Off", "https://off.example.com/", ("join",)), **by)
            webhooks.set_active(self.workspace, other.id, False, **by)
            for state in DeliveryState:
                self.delivery(row.id, state, body='{"data": "%s"}' % ("w" * 2000))

    def delivery(self, webhook_id: int, state: DeliveryState, **fields: object) -> int:
        """Put a delivery where it would be after one attempt."""
        with self.app.app_context(), writing() as session:
            over = state is not DeliveryState.PENDING
            given: dict[str, object] = {
                "key": "msg_" + "k" * 24, "event": "message", "body": "{}", "attempts": 1,
                "status": 500 if over else None,
                "error": "It answered with status 500.", "answer": "a" * 2000, "headers": {"webhook-id": "h" * 200},
                "next_at": None if over else now(), "finished_at": now() if over else None,
            }  # fmt: skip
            row = WebhookDelivery(
                workspace_id=self.workspace.id, webhook_id=webhook_id, state=state.value, **given | fields
            )
            session.add(row)
            session.flush()
            return row.id

    def drafted(self) -> dict[str, str] | None:
        """The targets and descriptions that the draft holds; None where there is none."""
        with self.app.app_context():
            draft = drafts.current(self.workspace)
            return {rule.target.text: rule.description for rule in draft.rules.rules} if draft is not None else None

    def patterns(self) -> list[str]:
        with self.app.app_context():
            return [rule.target.text for rule in rules.active_rules(self.workspace).rules]

    def version(self) -> int:
        with self.app.app_context():
            return rules.active_rules(self.workspace).version


@pytest.fixture
def office(app: Flask) -> Office:
    return Office(app)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def csrf_token(client: FlaskClient, path: str = "/sign-in") -> str:
    found = re.search(r'<meta name="csrf-token" content="([^"]+)"', client.get(path).text)
    assert found is not None
    return found[1]


@pytest.fixture
def signed_in(client: FlaskClient, office: Office) -> Callable[..., FlaskClient]:
    """Sign the test client in with a role; ``client.token`` is the CSRF token of its session."""

    def sign_in(role: RoleName = RoleName.OWNER) -> FlaskClient:
        kept = office.sign_in(office.admin(f"{role.value}1", role))
        with client.session_transaction() as session:
            session.clear()
            session.update(kept)
        client.token = csrf_token(client, "/w/default")  # type: ignore[attr-defined]
        return client

    return sign_in


@pytest.fixture
def server(app: Flask) -> Iterator[str]:
    """The application on a free port."""
    http = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    thread.join(10)
    http.server_close()


@pytest.fixture(scope="session")
def playwright_driver() -> Iterator[Playwright]:
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright_driver: Playwright) -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
    browser = playwright_driver.chromium.launch(executable_path=chromium, args=BROWSER_FLAGS)
    yield browser
    browser.close()


@contextmanager
def quiet_page(browser: Browser, server: str) -> Iterator[Page]:
    """A page that fails its test if anything was reported on the console, violations of the CSP included."""
    context = browser.new_context(base_url=server, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(10_000)
    page = context.new_page()
    reports: list[str] = []
    page.on("console", lambda m: reports.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: reports.append(str(error)))
    page.on("dialog", lambda dialog: reports.append(f"dialog: {dialog.message}"))
    yield page
    context.close()
    assert [report for report in reports if not REFUSED.match(report)] == []


@pytest.fixture
def page(browser: Browser, server: str) -> Iterator[Page]:
    """A page on the application."""
    with quiet_page(browser, server) as page:
        yield page


def sign_in(page: Page, username: str = "ada") -> Page:
    """Sign in by hand."""
    page.goto("/sign-in")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/w/default")
    return page


@pytest.fixture
def at_home(page: Page, office: Office, server: str) -> Page:
    """A page whose visitor is signed in as an owner."""
    kept = office.sign_in(office.admin())
    serializer = SecureCookieSessionInterface().get_signing_serializer(office.app)
    assert serializer is not None
    cookie = {"name": office.app.config["SESSION_COOKIE_NAME"], "value": str(serializer.dumps(kept)), "url": server}
    page.context.add_cookies([cookie])  # type: ignore[list-item]
    page.goto("/w/default")
    return page
