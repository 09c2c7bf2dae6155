"""A real server for tests: what `tidegate serve` runs, with a door beside it through which tests call the services.

Started by ``tests.servers``. The door is a Unix socket in the instance folder: a line of JSON ``{"call", "with"}``
is answered by ``{"value"}`` or ``{"error"}``. The calls run in the serving process itself, as those of its API do.
"""

# ruff: noqa: E402, I001
# fmt: off
from gevent import monkey; monkey.patch_all()  # noqa: E702  (before anything else makes a socket or a lock)
# fmt: on

import gc
import json
import resource
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import msgspec
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import text
from gevent import Greenlet
from gevent.server import StreamServer
from gevent.socket import AF_UNIX, SOCK_STREAM, socket

import webapp.server
from webapp import create_app
from webapp.config import Settings
from webapp.inspector.filters import Filter, read_filter
from webapp.inspector.lines import Scribe
from webapp.inspector.traces import Tracer
from webapp.protocols import FACES
from webapp.realtime.server import Realtime
from webapp.realtime.server_events import event_client
from webapp.core.ruleset import Rule
from webapp.core.documents import parse_document
from webapp.core.targets import Target
from webapp.services.transactions import touched, writing
from webapp.core.actors import AUTHENTICATED_KIND, Actor
from webapp.realtime.connection import Connection
from webapp.realtime.events import Join
from tests.sockets.live import MemoryConnection
from webapp.services import (
    admins,
    apikeys,
    audit,
    blocks,
    drafts,
    invitations,
    keys,
    recordings,
    rules,
    ruletests,
    sessions,
    tokens,
    webhooks,
    workspaces,
)
from webapp.models import RoleName, WebhookDelivery
from webapp.web.access import SIGN_IN

AUTHOR: dict[str, Any] = {"author": "tests", "source": "cli"}
DOOR = "door.sock"
PASSWORD = "correct horse battery"


class Door:
    """The calls that tests may make; each method is one."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    @property
    def _realtime(self) -> Realtime:
        realtime: Realtime = self._app.extensions["tidegate.realtime"]
        return realtime

    def publish(self, document: Any, workspace: str = "default") -> Any:
        result = rules.publish_document(workspaces.get(workspace), document, strict=True, **AUTHOR)
        return {"version": result.version, "report": asdict(result.report) if result.report else None}

    def secret(self, workspace: str = "default") -> Any:
        return keys.signing_secret(workspaces.get(workspace)).secret.decode()

    def mint(self, workspace: str = "default", **claims: Any) -> Any:
        minted = tokens.mint(workspaces.get(workspace), **claims, **AUTHOR)
        return {"token": minted.token, "jti": minted.jti}

    def revoke(self, jti: str) -> Any:
        return tokens.revoke(workspaces.get("default"), jti, **AUTHOR)

    def record(self, title: str = "All", minutes: int = 15, mebibytes: int = 50, **filtered: str) -> int:
        """Begin a recording and return its number."""
        wanted = read_filter(filtered)
        bounds = {"minutes": minutes, "mebibytes": mebibytes}
        return recordings.start(
            workspaces.get("default"), name=title, wanted=wanted, sees_payloads=True, **bounds, **AUTHOR
        ).id

    def stop_recording(self, number: int) -> None:
        recordings.stop(workspaces.get("default"), number, **AUTHOR)

    def recordings(self) -> Any:
        found = recordings.list_all(workspaces.get("default"))
        names = ("id", "name", "ended_by", "lines", "size", "missed", "is_running")
        return [{name: getattr(one, name) for name in names} for one in found]

    def inspected(self) -> Any:
        """Every line with its route, as a developer sees them live, by its number."""
        place = self._realtime.workspaces["default"]
        tap, scribe = self._realtime.tap, Scribe(place, sees_payloads=True)
        tracer = Tracer(scribe, tap, FACES)
        rules_of = [(record, place.rules_of(getattr(record, "version", 0))) for record in tap.since(0)]
        routes = [tracer.route(record, found) for record, found in rules_of]
        return {route.line.id: msgspec.to_builtins({"line": route.line, "route": route}) for route in routes}

    def limit_files(self, size: int) -> None:
        """Let no file of this process grow beyond a size, as if the disk were full there."""
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

    def add_public_key(self, pem: str) -> None:
        keys.add_public_key(workspaces.get("default"), pem, **AUTHOR)

    def add_workspace(self, canonical: str) -> None:
        workspaces.create(canonical, canonical, **AUTHOR)

    def setup_link(self) -> str:
        return f"/setup/{admins.setup_link()}"

    def fill_with(self, text: str) -> None:
        """Put a text wherever people or programs can put one: a draft, a test, tokens, keys, an invitation."""
        workspace = workspaces.get("default")
        drafts.save_rule(workspace, Rule(Target(f"draft{text}"), description=text), author=text)
        test = {"channel": f"room/{text}"[:250], "operation": "join", "identity": {"sub": text}, "allowed": False}
        ruletests.create(workspace, name=text, **test, **AUTHOR)
        tokens.mint(workspace, sub=text, extras={"name": text}, author=text, source="api")
        apikeys.create(workspace, text, ["read"], **AUTHOR)
        invitations.create(workspace, "viewer", note=text, **AUTHOR)
        blocks.create(workspace, "user", text + " blocked", 900, reason=text, author=text, source="api")
        rules.publish(workspace, rules.active_rules(workspace), reason=text, author=text, source="api")
        hook = webhooks.create(
            workspace, webhooks.Spec(text[:100], "https://hooks.invalid/", ("message",)), author=text, source="api"
        )
        row = WebhookDelivery(workspace_id=workspace.id, webhook_id=hook.id, key="msg_1", event="message")
        row.body, row.error, row.answer, row.headers = json.dumps({"t": text}), text, text, {"x": text}
        row.state, row.status, row.finished_at = "failed", 500, datetime.now(UTC)
        with writing() as session:
            session.add(row)
        bounds = {"minutes": 5, "mebibytes": 5}
        recordings.start(workspace, name=text[:100], wanted=Filter(), sees_payloads=True, **bounds, **AUTHOR)

    def invitation(self, role: str) -> str:
        """Make a link that gives a role."""
        return f"/join/{invitations.create(workspaces.get('default'), role, **AUTHOR)[1]}"

    def block(self, subject: str, value: str, seconds: int = 900, reason: str = "") -> int:
        return blocks.create(workspaces.get("default"), subject, value, seconds, reason=reason, **AUTHOR).block.id

    def unblock(self, block_id: int) -> None:
        blocks.end(workspaces.get("default"), block_id, **AUTHOR)

    def crowd(self, channel: str, members: int, channels: int = 1) -> None:
        """Put members without sockets into a channel, or one each into many: ``channel/<number>``."""
        realtime, workspace = self._realtime, self._realtime.workspaces["default"]
        for number in range(members * channels):
            actor = Actor(AUTHENTICATED_KIND, user_id=f"crowd-{number}")
            connection = cast(Connection, MemoryConnection(realtime, workspace, actor))
            workspace.add(connection)
            name = channel if channels == 1 else f"{channel}/{number % channels}"
            realtime.hub.join(workspace, connection, Join(name))

    def draft(self, document: Any) -> None:
        """Begin a draft that holds these rules alone."""
        drafts.replace_all(workspaces.get("default"), parse_document(document).rules, author="tests")

    def origins(self, allowed: list[str]) -> None:
        workspaces.update_settings(workspaces.get("default"), allowed_origins=allowed, **AUTHOR)

    def event(self, channel: str, data: Any, table: list[int] | None = None, **to: Any) -> Any:
        client = event_client(*table) if table else None
        published = self._realtime.publish_event("default", channel, json.dumps(data).encode(), client=client, **to)
        return {"recipients": published.recipients, "refused": published.refused}

    def delete_message(self, channel: str, message_id: int) -> Any:
        return self._realtime.delete_message("default", channel, message_id)

    def put_in(self, channel: str, user: str) -> Any:
        return self._realtime.put_in("default", channel, user)

    def take_out(self, channel: str, user: str) -> Any:
        return self._realtime.take_out("default", channel, user)

    def kick(self, socket_id: str) -> Any:
        return self._realtime.kick("default", socket_id, "tests")

    def capture(self, seconds: float) -> None:
        """Capture payloads from now on, for so long."""
        workspace = workspaces.get("default")
        with writing() as session:
            row = touched(session, workspace.id)
            row.capture_until = datetime.now(UTC) + timedelta(seconds=seconds)
        workspaces.refresh(workspace.id)

    def sign_in(self, username: str, role: str) -> str:
        """Make an account, sign it in and return the cookie of its browser: forms of sign-in count their guests."""
        workspace = workspaces.get("default")
        admins.create(username, PASSWORD, role=RoleName(role), workspace=workspace, **AUTHOR)
        secret = sessions.begin(admins.by_username(username))
        serializer: Any = SecureCookieSessionInterface().get_signing_serializer(self._app)
        return str(serializer.dumps({SIGN_IN: secret}))

    def api_key(self, scopes: list[str]) -> str:
        name = f"tests {uuid.uuid4().hex}"
        return apikeys.create(workspaces.get("default"), name, scopes, **AUTHOR)[1]

    def break_storage(self) -> None:
        """Take away the table of messages, so that none can be stored."""
        with writing() as session:
            session.execute(text("ALTER TABLE stored_message RENAME TO taken_away"))

    def break_channels(self) -> None:
        """Take away what holds the channels, as nothing else can: whoever joins one meets a fault."""
        workspace = self._realtime.workspaces["default"]
        self._channels, workspace.channels = workspace.channels, None  # type: ignore[assignment]

    def mend_channels(self) -> None:
        self._realtime.workspaces["default"].channels = self._channels

    def overview(self) -> Any:
        return self._realtime.overview()

    def watching(self) -> int:
        """How many viewers the inspector has."""
        return self._realtime.tap.watching

    def greenlets(self) -> int:
        return sum(isinstance(found, Greenlet) for found in gc.get_objects())

    def clients(self) -> Any:
        return [asdict(info) for info in self._realtime.clients("default")]

    def refusals(self) -> Any:
        """The last refusals as the inspector keeps them."""
        kept = self._realtime.tap.refusals.records
        names = ("ref", "code", "channel", "detail", "socket_id")
        return [{name: getattr(refusal, name) for name in names} for refusal in kept]

    def explain(self, ref: str) -> Any:
        """The steps of the decision behind a reference number."""
        refusal = self._realtime.tap.find_refusal(ref)
        assert refusal is not None
        assert refusal.decision is not None
        return [step.sentence for step in refusal.decision.steps]

    def trigger_runs(self) -> Any:
        """What triggers did lately, newest first."""
        return json.loads(msgspec.json.encode(self._realtime.triggers.log.of("default")))

    def webhook(self, title: str = "Hook", **fields: Any) -> Any:
        """Make a webhook; returns its id and secret."""
        row = webhooks.create(workspaces.get("default"), webhooks.Spec(title, **fields), **AUTHOR)
        return [row.id, webhooks.secret_of(row)]

    def change_webhook(self, number: int, **fields: Any) -> None:
        row = webhooks.get(workspaces.get("default"), number)
        spec = webhooks.Spec(**webhooks.document(row) | fields)
        webhooks.update(workspaces.get("default"), number, spec, **AUTHOR)

    def switch_webhook(self, number: int, active: bool) -> None:
        webhooks.set_active(workspaces.get("default"), number, active, **AUTHOR)

    def rotate_webhook(self, number: int) -> str:
        return webhooks.secret_of(webhooks.rotate(workspaces.get("default"), number, **AUTHOR))

    def delete_webhook(self, number: int) -> int:
        return webhooks.delete(workspaces.get("default"), number, **AUTHOR)

    def webhooks(self) -> Any:
        names = ("id", "name", "url", "of_triggers", "is_active", "off_reason", "events")
        found = webhooks.list_all(workspaces.get("default"))
        return [{name: getattr(row, name) for name in names} for row in found]

    def deliveries(self, number: int) -> Any:
        """The deliveries of a webhook, oldest first."""
        rows = webhooks.page(workspaces.get("default"), number, limit=10_000).rows
        names = ("id", "key", "event", "state", "attempts", "status", "error", "answer")
        return [{name: getattr(row, name) for name in names} for row in reversed(rows)]

    def resend(self, delivery: int) -> None:
        webhooks.resend(workspaces.get("default"), delivery, **AUTHOR)

    def ask(self, url: str, body: Any, seconds: float = 5.0) -> Any:
        """Ask a webhook as a trigger does."""
        workspace = self._realtime.workspaces["default"]
        answer = self._realtime.webhooks.ask(workspace, url, json.dumps(body).encode(), seconds)
        return [answer.status, answer.body.decode()]

    def look_at_alerts(self) -> None:
        """Look now, as the server does every ten seconds."""
        self._app.extensions["tidegate.alerts"].look(time.monotonic())

    def outcomes(self) -> Any:
        return dict(self._realtime.webhooks.outcomes)

    def versions(self) -> Any:
        found = rules.versions(workspaces.get("default"))
        active = rules.active_rules(workspaces.get("default"))
        return {
            "active": active.version,
            "targets": [rule.target.text for rule in active.rules],
            "numbers": sorted(version.number for version in found),
        }

    def audited(self) -> Any:
        workspace = workspaces.get("default")
        return [{"action": e.action, "after": e.after} for e in audit.entries(workspace.id, limit=10_000)]

    def answer(self, line: bytes) -> dict[str, Any]:
        asked = json.loads(line)
        call: Callable[..., Any] = getattr(self, asked["call"])
        try:
            with self._app.app_context():
                return {"value": call(**asked["with"])}
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}

    def serve(self, connection: socket, _address: object) -> None:
        with connection.makefile("rwb") as stream:
            for line in stream:
                stream.write(json.dumps(self.answer(line)).encode() + b"\n")
                stream.flush()


def main() -> None:
    """Migrate a new database, then serve; with `--migrate` stop before serving."""
    settings = Settings.from_env()
    if settings.sqlite_path is None or not settings.sqlite_path.exists():
        from flask_migrate import upgrade

        with create_app(settings).app_context():
            upgrade()
    if "--migrate" in sys.argv:
        return
    start = webapp.server.start

    def start_with_door(app: Flask, settings: Settings) -> Realtime:
        realtime = start(app, settings)
        path = settings.instance / DOOR
        path.unlink(missing_ok=True)
        listener = socket(AF_UNIX, SOCK_STREAM)
        listener.bind(str(path))
        listener.listen(16)
        StreamServer(listener, Door(app).serve).start()
        return realtime

    webapp.server.start = start_with_door
    webapp.server.serve(settings)


if __name__ == "__main__":
    main()
