"""The pages of webhooks: made, changed, switched and followed; errors beside their fields; who sees what."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from playwright.sync_api import Page, expect

from webapp.models import DeliveryState, RoleName, Webhook
from webapp.services import audit, webhooks
from webapp.services.webhooks import Spec

from .conftest import Office

SignIn = Callable[..., FlaskClient]
AT = "/w/default/webhooks"
GOOD = {"name": "Moderation", "url": "https://hooks.example.com/a", "events": ["message", "join"]}


def made(office: Office, **fields: object) -> Webhook:
    given = {"name": "Hook", "url": "https://hooks.example.com/", "events": ("message",)} | fields
    with office.app.app_context():
        return webhooks.create(office.workspace, Spec(**given), author="test", source="cli")  # type: ignore[arg-type]


def post(client: FlaskClient, path: str = "", **form: object) -> tuple[int, str]:
    data = {"csrf_token": client.token, **form}  # type: ignore[attr-defined]
    answer = client.post(AT + path, data=data, follow_redirects=True)
    return answer.status_code, answer.text


def kept(office: Office) -> list[Webhook]:
    with office.app.app_context():
        return webhooks.list_all(office.workspace)


def test_an_empty_page_says_what_it_is_for(signed_in: SignIn) -> None:
    text = signed_in().get(AT).text
    assert "No webhooks yet" in text
    assert f'href="{AT}/new"' in text


def test_it_is_made_and_shows_its_secret(signed_in: SignIn, office: Office) -> None:
    client = signed_in(RoleName.EDITOR)
    status, text = post(client, "/new", **GOOD, channels="chat/*\n\nnews\n", denials="100")
    assert status == 200
    (row,) = kept(office)
    assert (row.name, row.channels, row.alerts) == ("Moderation", ["chat/*", "news"], {"denials": 100})
    with office.app.app_context():
        assert webhooks.secret_of(row) in text
    assert "Moderation" in client.get(AT).text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": ""}, "Give it a name."),
        ({"url": ""}, "Say where to post."),
        ({"url": "http://hooks.example.com"}, "TIDEGATE_ALLOW_PRIVATE_ADDRESSES is off"),
        ({"url": "gopher://x"}, "Expected an address that begins with"),
        ({"events": []}, "Choose at least one."),
        ({"events": ["message", "nonsense"]}, "nonsense"),
        ({"channels": "a*"}, "stands for a whole segment"),
        ({"condition": "event.("}, "condition-error"),
        ({"denials": "many"}, "Not a valid integer value."),
        ({"denials": "-1"}, "Expected a whole number from 0"),
        ({"events": ["alert"]}, "Say what to be alerted of"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    signed_in: SignIn, office: Office, change: dict[str, object], said: str
) -> None:
    client = signed_in()
    status, text = post(client, "/new", **GOOD | change)
    assert (status, said in text) == (422, True)
    assert kept(office) == []
    row = made(office)
    status, text = post(client, f"/{row.id}", **GOOD | change)
    assert (status, said in text) == (422, True)
    assert kept(office)[0].name == "Hook"


def test_changed_switched_rotated_tried_deleted(signed_in: SignIn, office: Office) -> None:
    client, row = signed_in(), made(office)
    assert post(client, f"/{row.id}", **GOOD)[0] == 200
    assert kept(office)[0].name == "Moderation"
    assert "is off: it is told nothing" in post(client, f"/{row.id}/switch", active="0")[1]
    assert "switched off" in post(client, f"/{row.id}/test")[1].lower()
    assert not kept(office)[0].is_active
    post(client, f"/{row.id}/switch", active="1")
    before = kept(office)[0].secret
    assert "signs too until" in post(client, f"/{row.id}/rotate")[1]
    assert kept(office)[0].secret != before
    text = post(client, f"/{row.id}/test")[1]
    assert "is on its way" in text
    assert re.search(r"msg_[0-9a-f]{24}", text)
    assert "1 delivery that waits will not be made" in client.get(f"{AT}/{row.id}").text
    assert "1 that waited will not be delivered" in post(client, f"/{row.id}/delete")[1]
    assert kept(office) == []
    with office.app.app_context():
        actions = [entry.action for entry in audit.entries(office.workspace.id, limit=6)]
    assert actions == [f"webhook:{verb}" for verb in ("delete", "test", "rotate", "enable", "disable", "update")]


def test_deliveries_are_filtered_paged_opened_and_sent_again(signed_in: SignIn, office: Office) -> None:
    client, row = signed_in(), made(office)
    for number in range(55):
        office.delivery(row.id, DeliveryState.DELIVERED, key=f"msg_{number}", body=f'{{"n": {number}}}')
    failed = office.delivery(row.id, DeliveryState.FAILED, key="msg_failed", body='{"type":"message","é":1}')
    page = client.get(f"{AT}/{row.id}/deliveries").text
    assert page.index("msg_failed") < page.index("msg_54")
    assert "msg_5<" not in page
    older = re.search(r'href="([^"]+)" rel="next"', page)
    assert older is not None
    assert "msg_5<" in client.get(older[1].replace("&amp;", "&")).text
    only = client.get(f"{AT}/{row.id}/deliveries?state=failed").text
    assert "msg_failed" in only
    assert "msg_54" not in only
    opened = client.get(f"{AT}/{row.id}/deliveries/{failed}").text
    assert "&#34;é&#34;: 1" in opened
    assert "webhook-id: " in opened
    assert "It answered with status 500." in opened
    assert "is sent again" in post(client, f"/{row.id}/deliveries/{failed}/resend")[1]
    with office.app.app_context():
        assert webhooks.find(office.workspace, failed).state == "pending"
    other = made(office)
    assert client.get(f"{AT}/{other.id}/deliveries/{failed}").status_code == 404


@pytest.mark.parametrize("role", [RoleName.VIEWER, RoleName.DEVELOPER])
def test_others_see_neither_secrets_nor_bodies(signed_in: SignIn, office: Office, role: RoleName) -> None:
    client, row = signed_in(role), made(office)
    number = office.delivery(row.id, DeliveryState.FAILED)
    text = client.get(f"{AT}/{row.id}").text
    assert "whsec_" not in text
    assert "Owners and editors see the secret" in text
    assert client.get(f"{AT}/{row.id}/deliveries").status_code == 200
    assert client.get(f"{AT}/{row.id}/deliveries/{number}").status_code == 403
    assert f'action="{AT}' not in text


def test_one_of_a_trigger(signed_in: SignIn, office: Office) -> None:
    client, url = signed_in(), "https://hooks.example.com/moderate"
    steps = [{"type": "webhook", "url": url}]
    office.publish({"pattern": "a", "triggers": [{"name": "T", "steps": steps}]})
    (row,) = kept(office)
    assert "used by triggers" in client.get(AT).text
    assert "A trigger in force uses this address" in post(client, f"/{row.id}/delete")[1]
    status, text = post(client, f"/{row.id}", name="M", url="https://other.example/", events=[])
    assert (status, "A trigger in force uses this address" in text) == (422, True)
    assert post(client, f"/{row.id}", name="M", url=url, events=[])[0] == 200
    office.publish({"pattern": "a"})
    assert "was used by triggers" in client.get(AT).text
    assert "no trigger in force any more" in client.get(f"{AT}/{row.id}").text


def test_what_may_change_is_looked_at_again(signed_in: SignIn, office: Office) -> None:
    """What was sent again stood there as pending until somebody loaded the page again."""
    client, row = signed_in(), made(office)
    waits, over = office.delivery(row.id, DeliveryState.PENDING), office.delivery(row.id, DeliveryState.FAILED)
    at = f"{AT}/{row.id}/deliveries"
    assert f'hx-get="{at}?state=failed"' in client.get(f"{at}?state=failed").text
    assert f'hx-get="{at}' not in client.get(f"{at}?before={over}").text
    assert f'hx-get="{at}/{waits}"' in client.get(f"{at}/{waits}").text
    assert f'hx-get="{at}' not in client.get(f"{at}/{over}").text


def test_too_many_waiting_is_said(signed_in: SignIn, office: Office) -> None:
    client, row = signed_in(), made(office)
    settings = office.app.extensions["tidegate.settings"]
    office.app.extensions["tidegate.settings"] = replace(settings, limit_webhook_backlog=1)
    office.delivery(row.id, DeliveryState.PENDING)
    assert "As many deliveries wait as may" in client.get(f"{AT}/{row.id}").text
    assert "full" in client.get(AT).text


def test_in_the_browser(at_home: Page, office: Office) -> None:
    at_home.get_by_role("link", name="Webhooks").click()
    at_home.get_by_role("link", name="New webhook").click()
    at_home.get_by_role("button", name="Make the webhook").click()
    expect(at_home.locator("#name-error")).to_contain_text("Give it a name.")
    at_home.get_by_label("Name").fill("Moderation")
    at_home.get_by_label("Address").fill("https://hooks.example.com/a")
    at_home.get_by_text("What it is alerted of").click()
    at_home.get_by_label("Denials a minute").fill("100")
    at_home.get_by_role("button", name="Make the webhook").click()
    expect(at_home.locator("main")).to_contain_text("whsec_")
    at_home.get_by_role("button", name="Send a test").click()
    expect(at_home.get_by_role("heading", name="Moderation")).to_be_visible()
    at_home.locator("[data-row]").first.click()
    expect(at_home.locator("main")).to_contain_text('"text": "A test, sent by hand."')
    at_home.go_back()
    at_home.get_by_role("link", name="Webhook", exact=True).click()
    at_home.get_by_text("Delete…").click()
    at_home.get_by_role("button", name="Delete", exact=True).click()
    expect(at_home.get_by_role("heading", name="No webhooks yet")).to_be_visible()
