"""Set-up link, sign-in, sign-out, and where they lead."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.web.access import safe_next

from .conftest import PASSWORD, Office, csrf_token


def sign_in(client: FlaskClient, **fields: str) -> int:
    form = {"username": "ada", "password": PASSWORD, "csrf_token": csrf_token(client), **fields}
    return client.post("/sign-in", data=form).status_code


def test_setup_link_makes_an_owner_once(client: FlaskClient, office: Office) -> None:
    link = office.setup_link()
    form = {"username": "ada", "password": PASSWORD, "repeated": PASSWORD, "csrf_token": csrf_token(client, link)}
    assert client.post(link, data=form).status_code == 303
    assert client.get("/w/default").status_code == 200
    assert client.get(link).status_code == 404


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"password": "eleven char", "repeated": "eleven char"}, "At least 12 characters."),
        ({"repeated": "something else here"}, "The two passwords are not the same."),
        ({"username": ""}, "Choose a name to sign in with."),
        ({"username": "<b>"}, "Up to 100 letters"),
    ],
)
def test_setup_says_what_is_wrong(client: FlaskClient, office: Office, fields: dict[str, str], message: str) -> None:
    link = office.setup_link()
    form = {"username": "ada", "password": PASSWORD, "repeated": PASSWORD, "csrf_token": csrf_token(client, link)}
    answer = client.post(link, data=form | fields)
    assert answer.status_code == 422
    assert message in answer.text
    assert client.get(link).status_code == 200


def test_wrong_name_and_wrong_password_get_the_same_answer(client: FlaskClient, office: Office) -> None:
    office.admin()
    token = csrf_token(client)
    answers = [
        client.post("/sign-in", data={"csrf_token": token, "username": name, "password": "x" * 12})
        for name in ("ada", "bob")
    ]
    assert {answer.status_code for answer in answers} == {422}
    assert all("The username or the password is not right." in answer.text for answer in answers)


def test_sign_in_is_limited(client: FlaskClient, office: Office) -> None:
    office.admin()
    statuses = [sign_in(client, password="wrong") for _ in range(11)]
    assert statuses == [422] * 10 + [429]
    assert sign_in(client) == 429


def test_sign_out_needs_a_post_and_ends_the_session(signed_in: Callable[..., FlaskClient]) -> None:
    client = signed_in()
    assert client.get("/sign-out").status_code == 405
    assert client.post("/sign-out", data={"csrf_token": client.token}).status_code == 303  # type: ignore[attr-defined]
    assert client.get("/w/default").status_code == 302 or client.get("/w/default").status_code == 303


def test_a_new_password_ends_sessions(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    from webapp.services import admins

    client = signed_in()
    with office.app.app_context():
        admins.reset_password("owner1", "another long password", author="test", source="cli")
    assert client.get("/w/default").headers["Location"].startswith("/sign-in")


@pytest.mark.parametrize(
    "path",
    ["/w/default", "/w/default/channels", "/w/default/tokens", "/w/default/settings", "/w/none", "/no-workspace"],
)
def test_other_pages_need_a_sign_in(client: FlaskClient, path: str) -> None:
    assert client.get(path).headers["Location"].startswith("/sign-in?next=")


def test_one_is_led_to_the_page_that_was_wanted(client: FlaskClient, office: Office) -> None:
    office.admin()
    wanted = client.get("/w/default/channels?channel=chat/a").headers["Location"]
    form = {"username": "ada", "password": PASSWORD, "csrf_token": csrf_token(client, wanted)}
    form["next"] = "/w/default/channels?channel=chat/a"
    assert client.post("/sign-in", data=form).headers["Location"] == "/w/default/channels?channel=chat/a"


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "\\/evil.example", "javascript:alert(1)",
     "/\n/evil.example", "/\t/evil.example", "evil.example", "", None],
)  # fmt: skip
def test_no_open_redirect(client: FlaskClient, office: Office, target: str | None) -> None:
    assert safe_next(target) is None
    office.admin()
    form = {"username": "ada", "password": PASSWORD, "csrf_token": csrf_token(client), "next": target or ""}
    assert client.post("/sign-in", data=form).headers["Location"] == "/"


def test_htmx_is_sent_to_the_sign_in_as_a_whole_page(client: FlaskClient) -> None:
    headers = {
        "HX-Request": "true",
        "HX-Request-Type": "partial",
        "HX-Current-URL": "http://localhost/w/default/channels",
    }
    answer = client.get("/w/default/channels?channel=a", headers=headers)
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == "/sign-in?next=/w/default/channels"
