"""Commands that act on the running server, through the Unix socket in the instance folder."""

import http.client
import json
import socket
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
from flask import current_app
from flask.cli import with_appcontext

from ..inspector.tap import REFUSALS_KEPT
from ..services import blocks, decisions
from .group import Failed, Refused, count, settings_of, unmarked, workspace_named, workspace_option

TIMEOUT = 30.0
NO_SERVER = "No server runs on this instance folder: start it with `tidegate serve`."
ANOTHER_VERSION = "The server that runs does not offer this: is it another version?"


class NoServer(Exception):
    """Nobody answers on the control socket."""


class NoSuchAddress(Exception):
    """The server that runs doesn't know what it is asked."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


@click.command("publish")
@click.argument("channel")
@click.argument("data", metavar="JSON")
@click.option("--event", help="A name for the event.")
@click.option("--socket-id", metavar="ID", help="Only to this connection.")
@click.option("--user", metavar="USER", help="Only to this user's connections.")
@workspace_option
@with_appcontext
def publish(
    channel: str, data: str, event: str | None, socket_id: str | None, user: str | None, canonical: str
) -> None:
    """Send an event of the server with the payload JSON to CHANNEL. Needs a running server."""
    payload = _payload(data)
    if socket_id is not None and user is not None:
        raise click.UsageError("An event goes to one connection or to one user, not to both.")
    about: dict[str, Any] = {"channel": channel}
    about |= {"event": event} if event is not None else {}
    about |= {"target": {"socketId": socket_id}} if socket_id is not None else {}
    about |= {"target": {"user": user}} if user is not None else {}
    # The payload goes as it was written: reading and writing numbers again could change them.
    body = json.dumps(about)[:-1].encode() + b', "data": ' + payload + b"}"
    workspace = workspace_named(canonical)
    try:
        answer = _ask(workspace.canonical, "events", body)
    except NoServer:
        raise Failed(NO_SERVER) from None
    except NoSuchAddress:
        raise Failed(ANOTHER_VERSION) from None
    warning = answer.get("warning")
    if warning:
        click.echo(f"Warning: {warning['code']}: {warning['message']}", err=True)
    click.echo(f"Event {answer.get('id')}: {count(answer['recipients'], 'recipient')}.")


@click.command("decide")
@click.argument("channel")
@click.argument("operation", type=click.Choice(decisions.OPERATIONS))
@click.option(
    "--as",
    "who",
    default=decisions.ANONYMOUS_WORD,
    show_default=True,
    metavar="anonymous|TOKEN|JSON",
    help="Who asks: nobody in particular, a token, or the claims of one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")
@workspace_option
@with_appcontext
def decide(channel: str, operation: str, who: str, as_json: bool, canonical: str) -> None:
    """Say whether a client may do OPERATION on CHANNEL and why. Exit code 0: allowed, 1: denied."""
    workspace = workspace_named(canonical)
    actor = decisions.actor_of(workspace, who)  # refused here with the same words as by the server
    try:
        question = {"channel": channel, "operation": operation, "as": who}
        answer = _ask(workspace.canonical, "decide", json.dumps(question).encode())
    except (NoServer, NoSuchAddress):
        blocked = blocks.of_user(workspace, actor.user_id) is not None
        answer = decisions.decision_document(decisions.decide(workspace, channel, operation, actor, blocked=blocked))
    if as_json:
        click.echo(json.dumps(answer))
    else:
        _print_decision(answer)
    raise click.exceptions.Exit(0 if answer.get("allowed") else 1)


@click.command("explain")
@click.argument("ref", required=False)
@workspace_option
@with_appcontext
def explain(ref: str | None, canonical: str) -> None:
    """Say what was refused and why, by the reference number REF that a client was told. Without it: the last 20."""
    workspace = workspace_named(canonical)
    try:
        if ref is None:
            _list_refusals(_ask(workspace.canonical, "refusals")["refusals"])
        else:
            _print_refusal(_ask(workspace.canonical, f"refusals/{quote(ref, safe='')}"))
    except NoServer:
        raise Failed(NO_SERVER) from None
    except NoSuchAddress:
        if ref is None:
            raise Failed(ANOTHER_VERSION) from None
        raise Failed(
            f"No refusal {ref} is kept in the workspace {workspace.canonical}: the server remembers the last "
            f"{REFUSALS_KEPT:,} since it started."
        ) from None


def _list_refusals(refusals: list[dict[str, Any]]) -> None:
    if not refusals:
        click.echo("Nothing was refused since the server started.", err=True)
    for refusal in refusals:
        who = refusal["user_id"] or refusal["socketId"]
        where = "connection" if refusal["channel"] is None else refusal["channel"]
        click.echo(harmless(f"{refusal['ref']}  {_second(refusal['at'])}  {refusal['code']}  {where}  {who}"))


def _print_refusal(refusal: dict[str, Any]) -> None:
    user = "anonymous or without a user id" if refusal["user_id"] is None else f"user {refusal['user_id']}"
    lines = {
        "Time": _second(refusal["at"]),
        "Code": f"{refusal['code']}: {refusal['message']}",
        "Channel": refusal["channel"] if refusal["channel"] is not None else "none: the connection itself",
        "Client": f"{refusal['socketId']}, {user}, from {refusal['address']}",
        "Detail": refusal["detail"],
    }
    for name, text in lines.items():
        if text:
            click.echo(harmless(f"{name + ':':<9}{text}"))
    decision = refusal["decision"]
    if decision is not None:
        _print_decision(decision)


def harmless(text: str) -> str:
    """Write out what could steer a terminal: names and details come from strangers."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _second(moment: str) -> str:
    return datetime.fromisoformat(moment).isoformat(sep=" ", timespec="seconds")


def _print_decision(answer: dict[str, Any]) -> None:
    verdict = "allowed" if answer.get("allowed") else f"denied: {answer.get('code')}"
    asked = f"{answer.get('operation')} on {answer.get('channel')}"
    click.echo(harmless(f"{asked}: {verdict} (version {answer.get('version')})"))
    _print_steps(answer)


def _print_steps(answer: dict[str, Any]) -> None:
    for step in answer.get("steps") or ():
        click.echo(harmless(f"  {step['state']:<9} {step['subject']}: {unmarked(step['sentence'])}"))


def _payload(text: str) -> bytes:
    """Check that a text is JSON, and return it as it goes over the wire."""
    try:
        json.loads(text, parse_constant=_no_constant)
        return text.encode()
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"this is not JSON: {error}.", param_hint="JSON") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


def _ask(canonical: str, what: str, body: bytes | None = None) -> dict[str, Any]:
    """Post to the running server's API, or without a body get from it, and return what it answers.

    Raises:
        NoServer: nobody answers.
        NoSuchAddress: the server doesn't know what it is asked.
        Refused: the server refused it.
        Failed: the server failed, or answered something else than JSON.
    """
    connection = _UnixConnection(settings_of(current_app).control_socket)
    address = f"/api/v1/workspaces/{quote(canonical, safe='')}/{what}"
    try:
        if body is None:
            connection.request("GET", address)
        else:
            connection.request("POST", address, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        status, data = response.status, response.read()
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        raise NoServer from None
    except PermissionError:
        raise Failed("The server's control socket belongs to another user.") from None
    except (OSError, http.client.HTTPException) as error:
        raise Failed(f"The server did not answer: {error or type(error).__name__}.") from None
    finally:
        connection.close()
    try:
        answer = json.loads(data)
    except ValueError:
        answer = None
    if status < 300 and isinstance(answer, dict):
        return answer
    code, message = _problem(answer)
    if status in (404, 405) and code in (None, "not_found", "method_not_allowed"):
        raise NoSuchAddress
    problem = f"The server refused this: {message or f'status {status}'}"
    raise Refused(problem) if 400 <= status < 500 and status != 429 else Failed(problem)


def _problem(answer: Any) -> tuple[str | None, str]:
    """Find the code of an error answer, and what was wrong in sentences."""
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict):
        return None, ""
    problems = [f"{row.get('path')}: {row.get('message')}" for row in error.get("problems") or ()]
    return error.get("code"), " ".join([str(error.get("message", "")), *problems])
