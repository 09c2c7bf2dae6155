"""Your account: sessions listed and ended, another password."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from webapp.services import admins, sessions
from webapp.web.account.browsers import browser_in_words

from .conftest import PASSWORD, Office, csrf_token

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def another_browser(app: Flask, username: str = "owner1", agent: str = FIREFOX) -> FlaskClient:
    """A browser that is signed in too."""
    client = app.test_client()
    form = {"username": username, "password": PASSWORD, "csrf_token": csrf_token(client)}
    assert client.post("/sign-in", data=form, headers={"User-Agent": agent}).status_code == 303
    return client


def test_sessions_are_listed_with_this_one_marked(app: Flask, signed_in: Callable[..., FlaskClient]) -> None:
    client = signed_in()
    another_browser(app)
    page = client.get("/account").text
    assert page.count("this one") == 1
    assert "Firefox on Linux" in page
    assert "127.0.0.1" in page
    assert "End 1 other session" in page


def test_one_session_is_ended(app: Flask, signed_in: Callable[..., FlaskClient], office: Office) -> None:
    client = signed_in()
    other = another_browser(app)
    with app.app_context():
        newest = sessions.of(admins.by_username("owner1"))[0]
    assert other.get("/w/default").status_code == 200
    ended = client.post(f"/account/sessions/{newest.id}/end", data={"csrf_token": client.token})  # type: ignore[attr-defined]
    assert ended.status_code == 303
    assert other.get("/w/default").headers["Location"].startswith("/sign-in")
    assert client.get("/w/default").status_code == 200


def test_all_others_are_ended(app: Flask, signed_in: Callable[..., FlaskClient]) -> None:
    client = signed_in()
    others = [another_browser(app) for _ in range(2)]
    answer = client.post("/account/sessions/end-others", data={"csrf_token": client.token}, follow_redirects=True)  # type: ignore[attr-defined]
    assert "2 other sessions ended." in answer.text
    assert all(other.get("/w/default").headers["Location"].startswith("/sign-in") for other in others)
    assert client.get("/w/default").status_code == 200


def test_nobody_ends_a_session_of_somebody_else(
    app: Flask, signed_in: Callable[..., FlaskClient], office: Office
) -> None:
    client = signed_in()
    office.admin("bob")
    theirs = another_browser(app, "bob")
    with app.app_context():
        number = sessions.of(admins.by_username("bob"))[0].id
    client.post(f"/account/sessions/{number}/end", data={"csrf_token": client.token})  # type: ignore[attr-defined]
    assert theirs.get("/w/default").status_code == 200


def test_signing_out_ends_the_session_on_the_server(signed_in: Callable[..., FlaskClient]) -> None:
    """Whoever has kept the cookie can't come back with it."""
    client = signed_in()
    cookie = client.get_cookie("tidegate")
    assert cookie is not None
    client.post("/sign-out", data={"csrf_token": client.token})  # type: ignore[attr-defined]
    client.set_cookie("tidegate", cookie.value)
    assert client.get("/w/default").headers["Location"].startswith("/sign-in")


def test_a_new_password_ends_other_sessions_and_keeps_this_browser(
    app: Flask, signed_in: Callable[..., FlaskClient]
) -> None:
    client = signed_in()
    other = another_browser(app)
    form = {"current": PASSWORD, "password": "another long password", "repeated": "another long password"}
    answer = client.post("/account/password", data=form | {"csrf_token": client.token})  # type: ignore[attr-defined]
    assert answer.status_code == 303
    assert client.get("/account").status_code == 200
    assert other.get("/account").headers["Location"].startswith("/sign-in")
    with app.app_context():
        assert admins.authenticate("owner1", "another long password") is not None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"current": "wrong password"}, "This is not your password."),
        ({"current": ""}, "Enter your password."),
        ({"password": "short", "repeated": "short"}, "At least 12 characters."),
        ({"repeated": "something else here"}, "The two passwords are not the same."),
        ({"password": "x" * 2000, "repeated": "x" * 2000}, "At most 1,000 characters."),
    ],
)
def test_a_password_that_cannot_be_taken_changes_nothing(
    signed_in: Callable[..., FlaskClient], fields: dict[str, str], message: str
) -> None:
    client = signed_in()
    form = {"current": PASSWORD, "password": "another long password", "repeated": "another long password", **fields}
    answer = client.post("/account/password", data=form | {"csrf_token": client.token})  # type: ignore[attr-defined]
    assert answer.status_code == 422
    assert message in answer.text
    assert client.get("/account").status_code == 200


def test_a_hostile_user_agent_is_shown_as_text(app: Flask, signed_in: Callable[..., FlaskClient]) -> None:
    client = signed_in()
    another_browser(app, agent=HOSTILE)
    page = client.get("/account").text
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537 Chrome/120 Safari/537 Edg/120", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit Chrome/120 Mobile Safari", "Chrome on Android"),
        ("curl/8.5.0", "curl"),
        ("", "A browser without a name"),
        ("x" * 300, "x" * 60),
    ],
)
def test_browsers_are_named_in_words(agent: str, words: str) -> None:
    assert browser_in_words(agent) == words
