"""The page that explains a user: whom one can ask about, what it answers, and what it refuses."""

import json
import logging
import re
import time
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tests.core.making import pattern, rule_set
from tests.sockets.live import Live
from webapp.core.ruleset import Switches
from webapp.models import RoleName
from webapp.services import drafts, tokens

from .conftest import Office

SignIn = Callable[..., FlaskClient]
CHAT = {"pattern": "chat", "wildcard": True, "client_public_messaging": True, "anonymous_clients": True}
MEMBERS = {
    "pattern": "members",
    "client_public_messaging": True,
    "client_public_messaging_authenticated_only": True,
}
PAGE = "/w/default/explain"


def verdicts(html: str, channel: str) -> dict[str, str]:
    """What the table says of a channel, by operation."""
    row = next(row for row in re.findall(r"<tr>.*?</tr>", html, re.DOTALL) if f'value="{channel}"' in row)
    return dict(re.findall(r'<span class="sr">([\w ]+): (allowed|denied)</span>', row))


def post(client: FlaskClient, **fields: str) -> tuple[int, str]:
    answer = client.post(PAGE, data=fields | {"who": "token", "csrf_token": client.token})  # type: ignore[attr-defined]
    return answer.status_code, answer.text


def mint(office: Office, **claims: object) -> str:
    with office.app.app_context():
        return tokens.mint(office.workspace, author="ada", source="cli", **claims).token  # type: ignore[arg-type]


def test_every_active_rule_has_a_row_with_a_verdict_for_every_operation(signed_in: SignIn, office: Office) -> None:
    office.publish(CHAT, MEMBERS, {"pattern": "off", "enabled": False})
    client = signed_in(RoleName.VIEWER)
    html = client.get(f"{PAGE}?who=anonymous").text
    assert verdicts(html, "chat/example")["Send public messages"] == "allowed"
    assert len(verdicts(html, "chat/example")) == 11
    assert set(verdicts(html, "members").values()) == {"denied"}
    assert "2 active rules" in html
    assert "<em>Anonymous clients</em> is off" in html  # the step that blocks
    assert verdicts(client.get(f"{PAGE}?who=user&user=7").text, "members")["Join"] == "allowed"


def test_a_token_is_explained_with_what_it_narrows(signed_in: SignIn, office: Office) -> None:
    office.publish(CHAT, MEMBERS)
    token = mint(office, sub="42", authorized_channels=["chat/a", "news"])
    code, html = post(signed_in(), identity=token)
    assert code == 200
    assert verdicts(html, "chat/a")["Join"] == "allowed"
    assert verdicts(html, "chat/example")["Join"] == "denied"
    assert verdicts(html, "members")["Join"] == "denied"
    assert re.search(r"No active rule decides for.*news", html, re.DOTALL)
    assert "Only on these:" in html


def test_a_token_that_is_not_accepted_is_explained_as_an_anonymous_client(signed_in: SignIn, office: Office) -> None:
    office.publish(CHAT, MEMBERS)
    code, html = post(signed_in(), identity=mint(office, sub="42")[:-8] + "AAAAAAAA")
    assert (code, "not accepted" in html, "fits no key" in html) == (200, True, True)
    assert verdicts(html, "members")["Join"] == "denied"


def test_what_is_pasted_is_in_no_address_and_no_log(
    signed_in: SignIn, office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.publish(CHAT)
    client, token = signed_in(), mint(office, sub="42")
    caplog.set_level(logging.DEBUG)
    html = post(client, identity=token)[1]
    assert all(token not in address for address in re.findall(r'(?:href|action|hx-get|hx-post)="([^"]*)"', html))
    assert token not in caplog.text
    answer = client.get(f"{PAGE}?who=token&identity={token}")
    assert (answer.status_code, token in answer.text) == (200, False)


@pytest.mark.parametrize(
    ("identity", "message"),
    [("", "Paste a token"), ("nonsense", "neither a token"), ("{", "not a JSON object"), ('{"sub": []}', "sub:"),
     ('{"authorized_channels": ["a*"]}', "whole segment"), ("x" * 20_000, "At most 16,384")],
)  # fmt: skip
def test_what_is_neither_a_token_nor_claims_is_told_beside_the_field(
    signed_in: SignIn, identity: str, message: str
) -> None:
    code, html = post(signed_in(), identity=identity)
    assert code == 422
    error = re.search(r'id="identity-error">(.*?)</p>', html, re.DOTALL)
    assert error is not None
    assert message in error[1]


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("who=user&user=" + "x" * 300, "user", "At most 255"),
        ("who=user&user=a%00b", "user", "control characters"),
        ("who=client&client=gone", "client", "No such client"),
        ("who=user&user=7&channel=a%0Ab", "channel", "control characters"),
        ("who=anonymous&channel=" + "x" * 256, "channel", "at most 255"),
    ],
)
def test_other_wrong_values_are_told_beside_the_field(
    signed_in: SignIn, office: Office, query: str, field: str, message: str
) -> None:
    office.publish(CHAT)
    answer = signed_in().get(f"{PAGE}?{query}")
    assert answer.status_code == 422
    error = re.search(rf'id="{field}-error">(.*?)</p>', answer.text, re.DOTALL)
    assert error is not None
    assert message in error[1]


@pytest.mark.parametrize("query", ["who=nobody", "rules=none", "page=x", "page=-3", "page=99999999999", "who=user"])
def test_odd_addresses_do_no_harm(signed_in: SignIn, office: Office, query: str) -> None:
    office.publish(CHAT)
    assert signed_in().get(f"{PAGE}?{query}").status_code in (200, 422)


def test_one_channel_is_answered_for_in_full(signed_in: SignIn, office: Office) -> None:
    office.publish(CHAT, {"pattern": "*", "wildcard": True}, {"pattern": "chat/a", "enabled": False}, MEMBERS)
    html = signed_in().get(f"{PAGE}?who=user&user=7&channel=chat/a").text
    assert html.count('<ul class="verdicts">') == 1
    assert html.count("Realtime is switched on.") == 11  # every step of every operation
    assert "most specific active target" in html
    assert "but <code>chat/*</code> is more specific" in html
    assert "is inactive, so it is as if it were not there" in html
    assert "1 other rule does not match" in html


def test_the_draft_answers_when_it_is_asked(signed_in: SignIn, office: Office) -> None:
    office.publish(CHAT)
    client = signed_in()
    with office.app.app_context():
        drafts.set_switches(office.workspace, Switches(enabled=False), author="ada")
    assert verdicts(client.get(PAGE).text, "chat/example")["Join"] == "allowed"
    html = client.get(f"{PAGE}?rules=draft").text
    assert verdicts(html, "chat/example")["Join"] == "denied"
    assert "as the draft has it" in html


def test_a_connected_client_is_explained_by_what_it_is(signed_in: SignIn, office: Office) -> None:
    office.publish(CHAT)
    live = Live()
    live.publish(rule_set(pattern("chat/*", "A+M")))
    office.app.extensions["tidegate.realtime"] = live.realtime
    connection = live.connect("<b>ada")
    live.send(connection, "join", "chat/a")
    client = signed_in(RoleName.VIEWER)
    listed = client.get(f"{PAGE}?who=client").text
    assert connection.id in listed
    assert "&lt;b&gt;ada" in listed
    assert "<b>ada" not in listed
    found = client.get(f"{PAGE}/clients?q=ADA").text
    assert connection.id in found
    assert connection.id not in client.get(f"{PAGE}/clients?q=bob").text
    html = client.get(f"{PAGE}?who=client&client={connection.id}").text
    assert verdicts(html, "chat/a")["Send public messages"] == "allowed"
    assert "open now" in html
    assert connection.id in client.get(f"{PAGE}?who=user&user=<b>ada").text


def test_hostile_names_are_inert(signed_in: SignIn, office: Office) -> None:
    hostile = "<script>alert(1)</script>`*'\""
    office.publish({"pattern": hostile})
    claims = {"sub": hostile, "extras": {hostile: hostile}, "authorized_channels": [hostile.replace("*", "")]}
    client = signed_in()
    code, html = post(client, identity=json.dumps(claims), channel=hostile)
    assert (code, "<script>alert" in html, "&lt;script&gt;alert" in html) == (200, False, True)
    halves = {"sub": "42", "grants": {"resources": {"uuids": {"\ud800": ["get"]}}}}
    assert post(client, identity=json.dumps(halves))[0] == 200


@pytest.mark.alone
def test_five_thousand_rules_are_answered_page_by_page(signed_in: SignIn, office: Office) -> None:
    office.publish(*({"pattern": f"org/{n}", "wildcard": True, "anonymous_clients": True} for n in range(5000)))
    client = signed_in()
    token = mint(office, sub="42", authorized_channels=["org/4999/*"])
    client.get(PAGE)  # compiles the rules
    begins = time.perf_counter()
    html = client.get(f"{PAGE}?who=user&user=7&page=200&channel=org/1/x").text
    assert time.perf_counter() - begins < 1  # about 0.1 s; the rest is for a machine that does other things
    assert "Page 200 of 200" in html
    assert verdicts(html, "org/4999/example")["Join"] == "allowed"
    assert "4,999 other rules do not match" in html
    assert verdicts(post(client, identity=token, page="200")[1], "org/4999/example")["Join"] == "allowed"
