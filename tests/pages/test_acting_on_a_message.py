"""What can be done with a message that is selected: by role, and as far as its client and its payload allow."""

import html
import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from tests.servers import rule
from tests.sockets.live import Live, MemoryConnection
from webapp.core.actors import Actor
from webapp.core.documents import parse_document
from webapp.inspector.capture import Capture
from webapp.inspector.records import MessageRecord
from webapp.models import Action, RoleName
from webapp.realtime.events import Refusal
from webapp.realtime.server_events import event_client
from webapp.realtime.workspace import WorkspaceConfig
from webapp.services import audit

from .conftest import Office

SignIn = Callable[..., FlaskClient]
INSPECTOR = "/w/default/inspector"


@pytest.fixture
def live(office: Office) -> Iterator[Live]:
    live = Live()
    put_in_force(live, "A M Ma V")
    office.app.extensions["tidegate.realtime"] = live.realtime
    yield live
    del office.app.extensions["tidegate.realtime"]


def put_in_force(live: Live, letters: str, until: float = 4e9) -> None:
    live.publish(parse_document({"channels": [rule("chat/*", letters)]}).rules)
    live.workspace.config = WorkspaceConfig(1, "default", live.workspace.rules, capture=Capture(until=until))
    live.workspace.set_capture(1e9)


def member(live: Live, user: str | None = None, test: bool = False) -> MemoryConnection:
    client = live.connect(user)
    client.actor = Actor(client.actor.kind, user_id=user, extras={"team": "<b>"}, is_test=test)
    live.send(client, "join", "chat/a", {})
    return client


def say(live: Live, client: MemoryConnection, payload: object = "hello", **options: object) -> str:
    live.send(client, "message", "chat/a", payload, **options)
    return str(next(live.realtime.tap.backwards()).id)


def acts(browser: FlaskClient, record_id: str) -> dict[str, str]:
    """What is offered, by its words, with where it leads."""
    page = browser.get(f"{INSPECTOR}/look/{record_id}").text
    part = re.search(r'<section class="part acts".*?</section>', page, re.S)
    if part is None:
        return {}
    found = re.findall(r'<a class="button[^"]*" href="([^"]+)">.*?</svg>([^<]+)</a>', part[0], re.S)
    found += re.findall(r'<form method="post" action="([^"]+)".*?</svg>([^<]+)</button>', part[0], re.S)
    return {words: html.unescape(where) for where, words in found}


def text(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def send(browser: FlaskClient, address: str, **form: str) -> tuple[int, str]:
    """Send a form; returns the status and the page, or where it leads with what is told there."""
    answer = browser.post(address, data={"csrf_token": browser.token, **form})  # type: ignore[attr-defined]
    if answer.status_code != 303:
        return answer.status_code, answer.text
    return 303, answer.headers["Location"]


EVERYTHING = {"Resend", "Edit and resend", "Save as test", "Try with the draft", "Explain this client"}


@pytest.mark.parametrize(
    ("role", "test", "offered"),
    [
        (RoleName.OWNER, False, EVERYTHING),
        (RoleName.EDITOR, False, EVERYTHING),
        (RoleName.DEVELOPER, True, EVERYTHING - {"Save as test"}),
        (RoleName.DEVELOPER, False, {"Send as an event…", "Try with the draft", "Explain this client"}),
        (RoleName.VIEWER, True, {"Try with the draft", "Explain this client"}),
    ],
)
def test_each_role_is_offered_what_it_may_do(
    live: Live, office: Office, signed_in: SignIn, role: RoleName, test: bool, offered: set[str]
) -> None:
    office.draft({"pattern": "chat", "wildcard": True})
    said = say(live, member(live, "ada", test))
    assert set(acts(signed_in(role), said)) == offered


def test_what_the_role_may_not_is_refused(live: Live, signed_in: SignIn) -> None:
    said, tested = say(live, member(live, "ada")), say(live, member(live, "bob", test=True))
    noted = live.realtime.tap.noted
    browser = signed_in(RoleName.DEVELOPER)
    assert send(browser, f"{INSPECTOR}/again/{said}/as-is") == (303, f"{INSPECTOR}?selected={said}")
    form = {"sender": "client", "channel": "chat/a", "payload": "1"}
    status, page = send(browser, f"{INSPECTOR}/again/{said}", **form)
    assert status == 422
    assert "needs the role editor" in page
    assert live.realtime.tap.noted == noted
    assert send(browser, f"{INSPECTOR}/again/{tested}", **form)[0] == 303
    assert live.realtime.tap.noted == noted + 1


def test_a_rule_test_begins_with_what_was_decided(live: Live, signed_in: SignIn) -> None:
    browser = signed_in()
    guest = member(live)
    denied = parse_qs(urlsplit(acts(browser, say(live, guest))["Save as test"]).query)
    assert denied == {"channel": ["chat/a"], "operation": ["send_public"], "identity": ["null"], "allowed": ["0"]}
    allowed = acts(browser, say(live, member(live, "ada")))["Save as test"]
    asked = parse_qs(urlsplit(allowed).query)
    assert json.loads(asked["identity"][0]) == {"sub": "ada", "extras": {"team": "<b>"}}
    assert asked["allowed"] == ["1"]
    assert "&lt;b&gt;" in browser.get(allowed).text
    join = next(h for h in live.realtime.tap.happenings.records if h.socket_id == guest.id)
    assert parse_qs(urlsplit(acts(browser, str(join.id))["Save as test"]).query)["operation"] == ["join"]


def test_what_is_no_matter_of_rules_is_no_test_and_the_pane_says_why(live: Live, signed_in: SignIn) -> None:
    browser = signed_in()
    ada = member(live, "ada")
    gone = say(live, ada, socketId="nobody")
    assert "Save as test" not in acts(browser, gone)
    assert "no test can hold it" in text(browser.get(f"{INSPECTOR}/look/{gone}").text)
    outside = say(live, live.connect("bob"))
    assert "Save as test" not in acts(browser, outside)
    assert "not being in the channel" in text(browser.get(f"{INSPECTOR}/look/{outside}").text)


def test_a_token_too_long_for_an_address_is_shortened(live: Live, signed_in: SignIn) -> None:
    browser = signed_in()
    ada = member(live, "ada")
    ada.actor = Actor(ada.actor.kind, user_id="ada", extras={"long": "x" * 10_000})
    test = acts(browser, say(live, ada))["Save as test"]
    assert json.loads(parse_qs(urlsplit(test).query)["identity"][0]) == {"sub": "ada"}


def test_resending_leads_to_the_new_line_and_says_what_became_of_it(live: Live, signed_in: SignIn) -> None:
    browser = signed_in()
    guest, ada = member(live), member(live, "ada")
    said, denied = say(live, ada), say(live, guest)
    status, where = send(browser, f"{INSPECTOR}/again/{said}/as-is")
    record = next(live.realtime.tap.backwards())
    assert isinstance(record, MessageRecord)
    assert (status, where, record.by) == (303, f"{INSPECTOR}?selected={record.id}", "owner1")
    assert "Sent again. Delivered to 2 clients." in text(browser.get(where).text)
    where = send(browser, f"{INSPECTOR}/again/{denied}/as-is")[1]
    refusal = next(live.realtime.tap.backwards())
    assert isinstance(refusal, Refusal)
    page = text(browser.get(where).text)
    assert f"Refused: authentication_required . {refusal.told} Reference {refusal.ref} ." in page


def test_an_event_that_bears_a_user_s_row_is_changed_by_editors_alone(live: Live, signed_in: SignIn) -> None:
    """A developer could put any words into any channel under the row of whoever an event was ever sent for."""
    live.realtime.publish_event("default", "chat/a", b'"hi"', client=event_client(7, 42))
    event = str(next(live.realtime.tap.backwards()).id)
    form = {"sender": "event", "channel": "chat/b", "payload": '"forged"'}
    developer = signed_in(RoleName.DEVELOPER)
    status, page = send(developer, f"{INSPECTOR}/again/{event}", **form)
    assert (status, "It bears the row of a user" in text(page)) == (422, True)
    assert next(live.realtime.tap.backwards()).id == int(event)
    assert send(developer, f"{INSPECTOR}/again/{event}/as-is")[0] == 303
    assert send(signed_in(RoleName.EDITOR), f"{INSPECTOR}/again/{event}", **form)[0] == 303


def test_within_the_pane_it_is_told_there(live: Live, signed_in: SignIn) -> None:
    browser = signed_in()
    said = say(live, member(live, "ada"))
    answer = browser.post(
        f"{INSPECTOR}/again/{said}/as-is",
        data={"csrf_token": browser.token},  # type: ignore[attr-defined]
        headers={"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#resent"},
    )
    new = next(live.realtime.tap.backwards()).id
    assert answer.text.lstrip().startswith('<div id="resent"')
    assert f"Sent again Delivered to 1 client. Its line: {new}" in text(answer.text)


def test_a_client_that_is_gone(live: Live, office: Office, signed_in: SignIn) -> None:
    browser = signed_in()
    ada, bob = member(live, "ada"), member(live, "bob")
    said = say(live, ada, {"n": 1}, socketId=bob.id)
    live.disconnect(ada)
    bob.take()
    offered = acts(browser, said)
    assert "Resend" not in offered
    page = browser.get(offered["Send as an event…"]).text
    assert "The client is not connected any more." in page
    assert f'value="{bob.id}"' in page
    where = send(browser, offered["Send as an event…"], sender="event", channel="chat/a", payload='{"n": 1}', to=bob.id)
    live.end_turn()
    assert where[0] == 303
    assert [f["payload"] for f in bob.take() if f["action"] == "event"] == [{"data": {"n": 1}}]
    with office.app.app_context():
        (entry,) = audit.entries(office.workspace.id, action=Action.EVENT_SEND)
    assert (entry.actor, entry.after["edited"]) == ("owner1", True)


def test_a_marked_message_becomes_no_event_for_everyone_unseen(live: Live, signed_in: SignIn) -> None:
    browser = signed_in()
    put_in_force(live, "A X")
    ada = member(live, "ada")
    said = say(live, ada, authenticated=True)
    live.disconnect(ada)
    page = browser.get(f"{INSPECTOR}/again/{said}").text
    assert re.search(r'<input[^>]*checked[^>]*name="marked"', page)
    form = {"sender": "event", "channel": "chat/a", "payload": "1"}
    status, page = send(browser, f"{INSPECTOR}/again/{said}", marked="y", **form)
    assert status == 422
    assert "anonymous clients too. Take the mark off." in page
    assert send(browser, f"{INSPECTOR}/again/{said}", **form)[0] == 303


def test_hidden_fields_are_typed_in_again(live: Live, signed_in: SignIn) -> None:
    browser = signed_in()
    ada = member(live, "ada")
    said = say(live, ada, {"user": "x", "Password": "geheim", "deep": [{"token": "t"}]})
    page = browser.get(f"{INSPECTOR}/again/{said}").text
    assert "geheim" not in page
    assert "Fields of this payload are hidden." in page
    form = {"sender": "client", "channel": "chat/a"}
    for payload in ('{"Password": "[redacted]"}', '[[{"a": "[redacted]"}]]'):
        status, page = send(browser, f"{INSPECTOR}/again/{said}", payload=payload, **form)
        assert status == 422
        assert "Type them in again, or delete them." in page
    assert send(browser, f"{INSPECTOR}/again/{said}", payload='{"Password": "new"}', **form)[0] == 303
    plain = say(live, ada, {"text": "the word [redacted], or [redacted]"})
    assert send(browser, f"{INSPECTOR}/again/{plain}", payload='"[redacted]"', **form)[0] == 303


def test_without_a_payload_editing_begins_with_none(live: Live, signed_in: SignIn) -> None:
    browser = signed_in()
    put_in_force(live, "A M", until=0)
    live.workspace.captured._periods.clear()
    said = say(live, member(live, "ada"), {"n": "unseen"})
    assert "Resend" not in acts(browser, said)
    page = browser.get(acts(browser, said)["Edit and resend"]).text
    assert "Its payload was not captured, so it has to be typed in." in page
    assert "unseen" not in page
    assert "Not sent. Its payload was not captured" in text(
        browser.get(send(browser, f"{INSPECTOR}/again/{said}/as-is")[1]).text
    )


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("payload", "{", "This is not JSON"),
        ("payload", '"' + "x" * 66_000 + '"', "66,002 bytes; the server takes at most 65,536."),
        ("channel", "x" * 256, "255 characters"),
        ("to", "x" * 65, "There is no such client."),
        ("sender", "somebody", "Not a valid choice"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    live: Live, signed_in: SignIn, field: str, value: str, told: str
) -> None:
    browser = signed_in()
    said = say(live, member(live, "ada"))
    form = {"sender": "client", "channel": "chat/a", "payload": "1"} | {field: value}
    status, page = send(browser, f"{INSPECTOR}/again/{said}", **form)
    assert status == 422
    assert told in text(page)
    assert value in html.unescape(page) or field == "sender"


def test_what_was_no_message_is_not_there(live: Live, signed_in: SignIn) -> None:
    browser = signed_in()
    ada = member(live, "ada")
    joined = str(next(live.realtime.tap.backwards()).id)
    assert set(acts(browser, joined)) == {"Save as test", "Explain this client"}
    for record_id in (joined, "1", "x", "9" * 30, "²"):
        assert browser.get(f"{INSPECTOR}/again/{record_id}").status_code == 404
    assert urlsplit(acts(browser, joined)["Explain this client"]).query == f"who=client&client={ada.id}&channel=chat/a"


def test_trying_needs_a_draft_and_then_says_what_flips(live: Live, office: Office, signed_in: SignIn) -> None:
    browser = signed_in(RoleName.VIEWER)
    guest, _ = member(live), member(live, "ada")
    said = say(live, guest, {"secret": "unseen"})
    assert "There is no draft to try" in browser.get(f"{INSPECTOR}/try").text
    assert "No draft to try it with" in text(browser.get(f"{INSPECTOR}/look/{said}").text)
    office.publish(rule("chat/*", "A M Ma V"))
    office.draft(rule("chat/*", "A M V"))
    page = browser.get(f"{INSPECTOR}/try?channel=chat/*&within=all").text
    assert 'hx-get="/w/default/inspector/try?within=all&amp;channel=chat/*"' in page
    made = tried(browser, "?channel=chat/*&within=all")
    assert "1 decision comes out otherwise with the draft." in made
    assert "Tried 3 records" in made
    assert "1 anonymous client, once" in made
    assert "unseen" not in made
    assert "Everything comes out the same" in tried(browser, "?user=ada")
    assert "The filter takes nothing" in tried(browser, "?channel=other")
    one = text(browser.get(f"{INSPECTOR}/try?selected={said}").text)
    assert "1 decision of 1 comes out otherwise" in one
    assert "of version 2 decides" in one, "the draft, as it would be published"
    for selected in ("1", "x", "9" * 30):
        assert "Not kept any more" in browser.get(f"{INSPECTOR}/try?selected={selected}").text
    assert "none of allowed" in text(browser.get(f"{INSPECTOR}/try?verdict=nonsense").text)


def tried(browser: FlaskClient, query: str) -> str:
    headers = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "section#tried"}
    answer = browser.get(f"{INSPECTOR}/try{query}", headers=headers)
    assert answer.text.count('id="tried"') == 1
    return text(answer.text)


def test_without_a_running_server_the_pages_say_so(office: Office, signed_in: SignIn) -> None:
    browser = signed_in()
    office.draft(rule("chat/*", "A"))
    assert "No realtime server runs in this process" in browser.get(f"{INSPECTOR}/try").text
    assert browser.get(f"{INSPECTOR}/again/1").status_code == 404
