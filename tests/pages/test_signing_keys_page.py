"""Signing keys on their page: owners add, reveal and switch them, and everyone else sees which there are."""

import json
import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from tests.services.signing import PRIVATE, jwk, private_pem, public_pem, token
from webapp.models import Action, RoleName
from webapp.services import audit, keys, tokens, workspaces

from .conftest import Office

SignIn = Callable[..., FlaskClient]
PAGE = "/w/default/tokens/signing"
SECRET = "a secret of a back end, long enough for HS256"


def post(client: FlaskClient, path: str = "", **fields: str) -> tuple[int, str]:
    answer = client.post(f"{PAGE}{path}", data=fields | {"csrf_token": client.token})  # type: ignore[attr-defined]
    return answer.status_code, answer.text


def accepted(office: Office, text: str) -> bool:
    with office.app.app_context():
        return tokens.inspect(office.workspace, text).valid


def shown(html: str) -> list[str]:
    return re.findall(r"<pre tabindex=\"0\"><code>(.*?)</code>", html, re.DOTALL)


@pytest.mark.parametrize("role", [RoleName.EDITOR, RoleName.DEVELOPER, RoleName.VIEWER])
def test_others_see_keys_and_change_none(role: RoleName, signed_in: SignIn, office: Office) -> None:
    client = signed_in(role)
    html = client.get(PAGE).text
    assert ("secret, HS256" in html, "Reveal" in html, "Add a key" in html) == (True, False, False)
    for path in ("", "/1/reveal", "/1/deactivate", "/1/activate", "/1/fetch"):
        assert post(client, path, source="random")[0] == 403
    with office.app.app_context():
        assert [key.is_active for key in keys.list_all(office.workspace)] == [True]


def test_a_random_secret_is_shown_once_and_signs_from_then_on(signed_in: SignIn, office: Office) -> None:
    client = signed_in()
    assert post(client, source="random", kid="second")[0] == 303
    [secret] = shown(client.get(PAGE).text)
    assert shown(client.get(PAGE).text) == []
    assert accepted(office, token("HS256", secret, aud="default"))
    with office.app.app_context():
        assert keys.signing_secret(office.workspace).kid == "second"


@pytest.mark.parametrize(
    ("source", "material", "algorithm", "private"),
    [
        ("secret", SECRET, "HS256", SECRET),
        ("public_key", public_pem(PRIVATE["ES256"]), "ES256", private_pem(PRIVATE["ES256"])),
        ("jwks", json.dumps({"keys": [jwk("EdDSA", PRIVATE["EdDSA"])]}), "EdDSA", PRIVATE["EdDSA"]),
    ],
    ids=["secret", "public key", "set"],
)
def test_keys_of_ones_own_verify(
    signed_in: SignIn, office: Office, source: str, material: str, algorithm: str, private: object
) -> None:
    client = signed_in()
    text = token(algorithm, private)
    assert not accepted(office, text)
    assert post(client, source=source, material=material, kid="mine")[0] == 303
    assert accepted(office, text)
    assert SECRET not in client.get(PAGE).text


@pytest.mark.parametrize(
    ("source", "material", "message"),
    [
        ("random", "something", "Choose above"), ("secret", "", "Paste it here"), ("secret", "short", "at least 32"),
        ("secret", "-----BEGIN " + "x" * 40, "PEM"), ("public_key", "x", "public key in PEM"),
        ("public_key", private_pem(PRIVATE["EdDSA"]), "private key"), ("jwks", "{", "not JSON"),
        ("jwks", '{"keys": []}', "no public key"), ("url", "http://127.0.0.1:1/x", ""), ("url", "nonsense", ""),
        ("jwks", "x" * 270_000, "larger than"),
    ],
)  # fmt: skip
def test_what_is_no_key_is_told_beside_the_field(
    signed_in: SignIn, office: Office, source: str, material: str, message: str
) -> None:
    code, html = post(signed_in(), source=source, material=material, kid="kept")
    assert code == 422
    error = re.search(r'id="material-error">(.*?)</p>', html, re.DOTALL)
    assert error is not None
    assert message in error[1]
    assert 'value="kept"' in html
    if source == "secret" and material:
        assert f">{material}</textarea>" not in html.replace("\r\n", "")  # a secret does not travel back
    with office.app.app_context():
        assert len(keys.list_all(office.workspace)) == 1


@pytest.mark.parametrize(
    ("kid", "message"), [("x" * 101, "At most 100"), ("twice", "already a key"), ("a\x01", "control")]
)
def test_a_name_that_can_not_be_taken_is_told_beside_it(signed_in: SignIn, kid: str, message: str) -> None:
    client = signed_in()
    post(client, source="random", kid="twice")
    code, html = post(client, source="random", kid=kid)
    error = re.search(r'id="kid-error">(.*?)</p>', html, re.DOTALL)
    assert error is not None
    assert (code, message in error[1]) == (422, True)


def test_switching_a_key_off_refuses_its_tokens_until_it_is_on_again(signed_in: SignIn, office: Office) -> None:
    client = signed_in()
    with office.app.app_context():
        key_id = keys.list_all(office.workspace)[0].id
        text = tokens.mint(office.workspace, sub="42", author="ada", source="cli").token
    assert "It is the only active secret" in client.get(PAGE).text
    assert post(client, f"/{key_id}/deactivate")[0] == 303
    assert not accepted(office, text)
    assert client.post("/w/default/tokens/mint", data={"ttl": "900", "csrf_token": client.token}).status_code == 422  # type: ignore[attr-defined]
    assert post(client, f"/{key_id}/activate")[0] == 303
    assert accepted(office, text)


def test_revealing_is_noted(signed_in: SignIn, office: Office) -> None:
    client = signed_in()
    with office.app.app_context():
        key = keys.list_all(office.workspace)[0]
        secret = keys.signing_secret(office.workspace).secret.decode()
    code, html = post(client, f"/{key.id}/reveal")
    assert (code, shown(html)) == (200, [secret])
    assert secret not in client.get(PAGE).text
    with office.app.app_context():
        entry = audit.entries(office.workspace.id)[0]
        assert (entry.action, entry.actor, entry.after) == (Action.KEY_REVEAL, "owner1", {"kid": key.kid})
        assert secret not in str([(e.before, e.after) for e in audit.entries(office.workspace.id)])


def test_keys_of_another_workspace_are_not_there(signed_in: SignIn, office: Office) -> None:
    client = signed_in()
    with office.app.app_context():
        other = workspaces.create("second", "Second", author="t", source="cli")
        theirs = keys.list_all(other)[0]
    assert theirs.kid not in client.get(PAGE).text
    for action in ("reveal", "deactivate", "activate", "fetch"):
        assert post(client, f"/{theirs.id}/{action}")[0] == 404
    with office.app.app_context():
        assert keys.list_all(other)[0].is_active
        assert audit.entries(other.id, action=Action.KEY_REVEAL) == []
