"""Sets of keys that are fetched from an address: rotation, failures, and no way into the private network."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from flask import Flask

from tests.services.making import BY
from tests.services.signing import PRIVATE, jwk, token
from webapp.models import SigningKey, Workspace, now
from webapp.services import keys, tokens, workspaces
from webapp.services.errors import InvalidInput, NotFound
from webapp.services.fetch import FetchProblem, fetch
from webapp.services.transactions import writing
from webapp.triggers.reaching import is_public

NEXT = ec.generate_private_key(ec.SECP256R1())


@dataclass
class Issuer:
    """A server that publishes keys."""

    url: str = ""
    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    asked: int = 0

    def publishes(self, *rows: Any) -> None:
        self.body = json.dumps({"keys": rows}).encode()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    made = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked += 1
            self.send_response(made.status)
            for name, value in made.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(made.body)))
            self.end_headers()
            self.wfile.write(made.body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}/keys.json"
    made.publishes(jwk("ES256", PRIVATE["ES256"], kid="one"))
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def private_allowed(app: Flask) -> None:
    settings = app.extensions["tidegate.settings"]
    app.extensions["tidegate.settings"] = replace(settings, allow_private_addresses=True)


def make_due(key: SigningKey) -> None:
    with writing() as session:
        row = session.get(SigningKey, key.id)
        assert row is not None
        row.fetched_at = now() - timedelta(minutes=6)


@pytest.mark.usefixtures("private_allowed")
def test_a_rotation_arrives_and_both_keys_are_valid_during_it(workspace: Workspace, issuer: Issuer) -> None:
    key = keys.add_jwks_url(workspace, issuer.url, **BY)
    old, new = token("ES256", PRIVATE["ES256"]), token("ES256", NEXT)
    assert (tokens.inspect(workspace, old).valid, tokens.inspect(workspace, new).valid) == (True, False)
    issuer.publishes(jwk("ES256", PRIVATE["ES256"], kid="one"), jwk("ES256", NEXT, kid="two"))
    assert keys.refresh_due() == 0  # it was fetched a moment ago
    make_due(key)
    before = workspaces.by_id(workspace.id).generation
    assert keys.refresh_due() == 1
    assert workspaces.by_id(workspace.id).generation == before + 1
    assert tokens.inspect(workspace, old).valid
    assert tokens.inspect(workspace, new).valid
    issuer.publishes(jwk("ES256", NEXT, kid="two"))
    assert keys.fetch_now(workspace, key.id)
    assert (tokens.inspect(workspace, old).valid, tokens.inspect(workspace, new).valid) == (False, True)


@pytest.mark.usefixtures("private_allowed")
def test_an_unchanged_set_changes_nothing(workspace: Workspace, issuer: Issuer) -> None:
    key = keys.add_jwks_url(workspace, issuer.url, **BY)
    before = workspaces.by_id(workspace.id).generation
    make_due(key)
    assert keys.refresh_due() == 0
    assert issuer.asked == 2
    assert workspaces.by_id(workspace.id).generation == before


@pytest.mark.usefixtures("private_allowed")
@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (500, b"", "status 500"),
        (302, b"", "redirects are not followed"),
        (200, b"<html>", "not JSON"),
        (200, b"\xff\xfe", "not a set of keys"),
        (200, b'{"keys": []}', "no public key"),
        (200, b" " * 300_000, "larger"),
    ],
)
def test_a_failed_fetch_keeps_the_last_set(
    workspace: Workspace, issuer: Issuer, status: int, body: bytes, says: str
) -> None:
    key = keys.add_jwks_url(workspace, issuer.url, **BY)
    issuer.status, issuer.body = status, body
    issuer.headers = {"Location": issuer.url} if status == 302 else {}
    assert not keys.fetch_now(workspace, key.id)
    assert tokens.inspect(workspace, token("ES256", PRIVATE["ES256"])).valid
    (shown,) = [row for row in keys.list_all(workspace) if row.id == key.id]
    assert says in (shown.fetch_problem or "")
    with pytest.raises(InvalidInput, match=says):
        keys.add_jwks_url(workspace, issuer.url, **BY)


@pytest.mark.usefixtures("private_allowed")
def test_an_address_where_nobody_answers_is_refused(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput, match="can't be reached"):
        keys.add_jwks_url(workspace, "http://127.0.0.1:9/keys", **BY)
    with pytest.raises(NotFound):
        keys.fetch_now(workspace, keys.list_all(workspace)[0].id)


def test_private_addresses_are_out_of_reach(workspace: Workspace, issuer: Issuer) -> None:
    port = issuer.url.split(":")[2].split("/")[0]
    for host in (
        "127.0.0.1",
        "localhost",
        "[::1]",
        "127.1",
        "2130706433",
        "0x7f000001",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
    ):
        with pytest.raises(InvalidInput) as caught:
            keys.add_jwks_url(workspace, f"https://{host}:{port}/keys.json", **BY)
        assert list(caught.value.problems) == ["url"]
    assert issuer.asked == 0
    assert len(keys.list_all(workspace)) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "keys.json",
        "http://example.com/keys",
        "file:///etc/passwd",
        "ftp://example.com/keys",
        "https://",
        "https://user:password@example.com/keys",
        "https://example.com:99999/keys",
        "https://exa mple.com/",
        "https://example.com/\r\nHost: evil",
        "https://[::1/keys",
        "https://" + "x" * 300 + ".example/",
    ],
)
def test_what_is_no_address_of_keys_is_refused(workspace: Workspace, url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        keys.add_jwks_url(workspace, url, **BY)
    assert list(caught.value.problems) == ["url"]


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("ff0e::1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::10.0.0.1", False),
        ("64:ff9b::8.8.8.8", True),
        ("2002:7f00:1::", False),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", False),
        # Python takes these for global ones: a network's own translators, site-local and IPv4-compatible addresses.
        ("64:ff9b:1::10.0.0.1", False),
        ("::ffff:0:10.0.0.1", False),
        ("fec0::1", False),
        ("::10.0.0.1", False),
    ],
)
def test_which_addresses_are_public(text: str, public: bool) -> None:
    assert is_public(ip_address(text)) is public


def test_a_name_is_looked_up_once_and_the_checked_address_is_used(issuer: Issuer) -> None:
    with pytest.raises(FetchProblem, match="private"):
        fetch(issuer.url.replace("http:", "https:").replace("127.0.0.1", "localhost"))
    assert json.loads(fetch(issuer.url.replace("127.0.0.1", "localhost"), allow_private=True))["keys"]
