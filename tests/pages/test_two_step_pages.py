"""Two-step sign-in: set up with a QR code, asked for at the sign-in, limited, left by a recovery code."""

import time
from collections.abc import Callable

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page

from webapp.models import Action
from webapp.services import admins, audit, totp

from .conftest import PASSWORD, Office, csrf_token


def switch_on(app: Flask, username: str) -> tuple[pyotp.TOTP, tuple[str, ...]]:
    with app.app_context():
        totp.begin(admins.by_username(username), PASSWORD)
        enrolment = totp.enrolment(admins.by_username(username))
        assert enrolment is not None
        secret = pyotp.TOTP(enrolment.secret)
        return secret, totp.confirm(admins.by_username(username), secret.now())


def give_password(client: FlaskClient, username: str = "ada", wanted: str = "") -> str:
    form = {"username": username, "password": PASSWORD, "next": wanted, "csrf_token": csrf_token(client)}
    return str(client.post("/sign-in", data=form).headers["Location"])


def give_code(client: FlaskClient, code: str) -> int:
    return client.post(
        "/sign-in/code", data={"code": code, "csrf_token": csrf_token(client, "/sign-in/code")}
    ).status_code


def test_in_the_browser(at_home: Page) -> None:
    page = at_home
    page.get_by_role("link", name="ada").click()
    page.get_by_role("link", name="Set up").click()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Begin").click()
    qr = page.get_by_role("img", name="QR code")
    assert qr.evaluate("image => image.complete && image.naturalWidth > 100")
    page.get_by_text("Type it in instead").click()
    secret = page.locator(".copyable code").inner_text()
    page.get_by_label("Code").fill("000000")
    page.get_by_role("button", name="Switch on").click()
    assert page.get_by_text("This code is not right").is_visible()
    # The app one step ahead: so that the code of the sign-in below is a later one than the code given here.
    app = pyotp.TOTP(secret)
    page.get_by_label("Code").fill(app.at(time.time() - 30))
    page.get_by_role("button", name="Switch on").click()
    codes = page.get_by_role("region", name="Your recovery codes").locator("code").inner_text().split()
    assert len(codes) == 10
    page.reload()
    assert not page.get_by_role("region", name="Your recovery codes").is_visible()
    page.get_by_role("button", name="Sign out").click()
    for code, then in ((app.now(), "**/w/default"), (codes[3], "**/w/default")):
        page.get_by_label("Username").fill("ada")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/sign-in/code")
        page.get_by_label("Code").fill(code)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(then)
        last = page.locator("[data-notice]").all_inner_texts()
        page.get_by_role("button", name="Sign out").click()
    assert any("9 codes left" in text for text in last)


def test_the_password_alone_opens_nothing(app: Flask, client: FlaskClient, office: Office) -> None:
    office.admin()
    switch_on(app, "ada")
    assert give_password(client) == "/sign-in/code"
    assert client.get("/w/default").headers["Location"].startswith("/sign-in")
    assert give_code(client, "000000") == 422
    assert client.get("/w/default").headers["Location"].startswith("/sign-in")
    with app.app_context():
        failed = audit.entries(action=Action.ADMIN_SIGN_IN_FAILED)[0]
    assert failed.after == {"username": "ada", "why": "right password, wrong code"}


def test_one_is_led_to_the_page_that_was_wanted(app: Flask, client: FlaskClient, office: Office) -> None:
    office.admin()
    _, codes = switch_on(app, "ada")
    give_password(client, wanted="/w/default/tokens")
    token = csrf_token(client, "/sign-in/code")
    answer = client.post("/sign-in/code", data={"code": codes[0], "csrf_token": token})
    assert answer.headers["Location"] == "/w/default/tokens"


def test_the_code_page_tells_nothing_to_who_gave_no_password(client: FlaskClient, office: Office) -> None:
    office.admin()
    assert client.get("/sign-in/code").headers["Location"] == "/sign-in"


@pytest.mark.parametrize("changed", ["later", "another password", "switched off"])
def test_the_password_counts_for_five_minutes_and_while_nothing_changed(
    app: Flask, client: FlaskClient, office: Office, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    office.admin()
    switch_on(app, "ada")
    give_password(client)
    assert client.get("/sign-in/code").status_code == 200
    with app.app_context():
        if changed == "later":
            monkeypatch.setattr("webapp.web.auth.views.time", lambda: time.time() + 301)
        elif changed == "another password":
            admins.reset_password("ada", "another long password", author="root", source="cli")
        else:
            totp.reset("ada", author="root", source="cli")
    assert client.get("/sign-in/code").headers["Location"] == "/sign-in"


def test_codes_are_limited_by_name(app: Flask, office: Office) -> None:
    """From a new address each time, as somebody with many machines would try it."""
    office.admin()
    _, codes = switch_on(app, "ada")
    statuses = []
    for i in range(11):
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = f"192.0.2.{i}"
        give_password(client)
        statuses.append(give_code(client, "000000"))
    assert statuses == [422] * 10 + [429]
    assert give_code(client, codes[0]) == 429


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_passwords_are_limited_by_name_whether_it_exists_or_not(app: Flask, office: Office, name: str) -> None:
    office.admin()
    answers = []
    for i in range(11):
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = f"192.0.2.{i}"
        form = {"username": name, "password": "wrong", "csrf_token": csrf_token(client)}
        answers.append(client.post("/sign-in", data=form))
    assert [answer.status_code for answer in answers] == [422] * 10 + [429]
    assert "Too many attempts for this name." in answers[-1].text
    right = {"username": name.upper() + " ", "password": PASSWORD, "csrf_token": csrf_token(client)}
    assert client.post("/sign-in", data=right).status_code == 429


def test_signing_in_forgets_the_failures_before(app: Flask, office: Office) -> None:
    office.admin()
    for i in range(14):
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = f"192.0.2.{i}"
        password = PASSWORD if i == 7 else "wrong"
        form = {"username": "ada", "password": password, "csrf_token": csrf_token(client)}
        assert client.post("/sign-in", data=form).status_code == (303 if i == 7 else 422)


def test_it_is_switched_off_with_password_and_code(app: Flask, signed_in: Callable[..., FlaskClient]) -> None:
    client = signed_in()
    _, codes = switch_on(app, "owner1")
    token = client.token  # type: ignore[attr-defined]
    off = {"password": "wrong", "code": codes[0], "csrf_token": token}
    answer = client.post("/account/two-step/off", data=off)
    assert (answer.status_code, "This is not your password." in answer.text) == (422, True)
    answer = client.post("/account/two-step/off", data=off | {"password": PASSWORD, "code": "000000"})
    assert (answer.status_code, "This code is not right" in answer.text) == (422, True)
    assert client.post("/account/two-step/off", data=off | {"password": PASSWORD}).status_code == 303
    with app.app_context():
        assert not totp.is_on(admins.by_username("owner1"))


def test_new_codes_are_shown_once(app: Flask, signed_in: Callable[..., FlaskClient]) -> None:
    client = signed_in()
    _, codes = switch_on(app, "owner1")
    form = {"code": codes[0], "csrf_token": client.token}  # type: ignore[attr-defined]
    first = client.post("/account/two-step/codes", data=form, follow_redirects=True)
    assert "They are shown once." in first.text
    assert codes[1] not in first.text
    assert "They are shown once." not in client.get("/account/two-step").text


@pytest.mark.parametrize("step", ["begin", "confirm", "codes", "off"])
def test_empty_and_huge_values_are_refused(signed_in: Callable[..., FlaskClient], step: str) -> None:
    client = signed_in()
    token = {"csrf_token": client.token}  # type: ignore[attr-defined]
    assert client.post(f"/account/two-step/{step}", data=token).status_code == 422
    huge = {"code": "1" * 100_000, "password": "x" * 100_000}
    assert client.post(f"/account/two-step/{step}", data=token | huge).status_code == 422


@pytest.mark.parametrize("step", ["confirm", "codes", "off"])
def test_a_step_out_of_turn_says_so(signed_in: Callable[..., FlaskClient], step: str) -> None:
    client = signed_in()
    form = {"csrf_token": client.token, "code": "123456", "password": PASSWORD}  # type: ignore[attr-defined]
    assert client.post(f"/account/two-step/{step}", data=form).status_code == 409
