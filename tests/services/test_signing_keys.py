"""Which tokens a workspace's keys verify: every algorithm, sets of keys, and tricks with the algorithm."""

import base64
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.services.making import BY
from tests.services.signing import PRIVATE, jwk, private_pem, public_pem, token
from webapp.core.codes import Code
from webapp.models import Action, KeyKind, SigningKey, Workspace
from webapp.services import audit, keys, tokens, vault, workspaces
from webapp.services.errors import Conflict, InvalidInput, NotFound, SecretKeyMismatch
from webapp.services.transactions import reading

SECRET = "a shared secret of a backend, long enough"


def accepted(workspace: Workspace, text: str) -> bool:
    return tokens.inspect(workspace, text).valid


def test_a_new_workspace_has_a_random_secret(workspace: Workspace) -> None:
    (key,) = keys.list_all(workspace)
    assert (key.algorithm, key.is_active) == (KeyKind.HS256, True)
    assert len(keys.signing_secret(workspace).secret) >= 32
    other = workspaces.create("other", "Other", **BY)
    assert keys.signing_secret(other).secret != keys.signing_secret(workspace).secret


def test_a_secret_of_ones_own_verifies(workspace: Workspace) -> None:
    text = token("HS256", SECRET)
    assert not accepted(workspace, text)
    keys.add_secret(workspace, SECRET, kid="mine", **BY)
    inspection = tokens.inspect(workspace, text)
    assert (inspection.valid, inspection.kid, inspection.algorithm) == (True, "mine", "HS256")
    assert inspection.actor is not None
    assert inspection.actor.user_id == "u1"


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_a_public_key_verifies_its_algorithm(workspace: Workspace, algorithm: str) -> None:
    key = keys.add_public_key(workspace, public_pem(PRIVATE[algorithm]), **BY)
    assert key.algorithm == algorithm
    assert accepted(workspace, token(algorithm, PRIVATE[algorithm]))
    tampered = token(algorithm, PRIVATE[algorithm]).split(".")
    tampered[1] = token(algorithm, PRIVATE[algorithm], sub="admin").split(".")[1]
    inspection = tokens.inspect(workspace, ".".join(tampered))
    assert (inspection.valid, inspection.code) == (False, Code.TOKEN_INVALID)


def test_a_set_of_keys_verifies_with_each_of_them(workspace: Workspace) -> None:
    document = {"keys": [jwk(a, p, kid=f"k-{a}") for a, p in PRIVATE.items()] + [{"kty": "oct", "k": "AAAA"}, 7]}
    keys.add_jwks(workspace, json.dumps(document), **BY)
    for algorithm, private in PRIVATE.items():
        inspection = tokens.inspect(workspace, token(algorithm, private, {"kid": f"k-{algorithm}"}))
        assert (inspection.valid, inspection.kid) == (True, f"k-{algorithm}")


def test_two_keys_verify_side_by_side_during_a_rotation(workspace: Workspace) -> None:
    old, new = PRIVATE["ES256"], ec.generate_private_key(ec.SECP256R1())
    first = keys.add_public_key(workspace, public_pem(old), kid="old", **BY)
    keys.add_public_key(workspace, public_pem(new), kid="new", **BY)
    assert accepted(workspace, token("ES256", old))
    assert accepted(workspace, token("ES256", new))
    keys.deactivate(workspace, first.id, **BY)
    assert not accepted(workspace, token("ES256", old))
    assert accepted(workspace, token("ES256", new))


@pytest.mark.parametrize("form", ["PEM", "PEM without its last line end", "DER", "JWK"])
def test_a_public_key_is_no_secret(workspace: Workspace, form: str) -> None:
    """Algorithm confusion: HS256, signed with the public key that everybody can read."""
    private = PRIVATE["RS256"]
    pem = public_pem(private)
    keys.add_public_key(workspace, pem, kid="rsa", **BY)
    secret = {
        "PEM": pem.encode(),
        "PEM without its last line end": pem.strip().encode(),
        "DER": base64.b64decode("".join(pem.strip().splitlines()[1:-1])),
        "JWK": json.dumps(jwk("RS256", private)).encode(),
    }[form]
    forged = _hs256({"alg": "HS256", "kid": "rsa"}, {"sub": "u1", "exp": int(time.time()) + 60}, secret)
    inspection = tokens.inspect(workspace, forged)
    assert (inspection.valid, inspection.code) == (False, Code.TOKEN_INVALID)


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "", None, "HS384", "HS512", "PS256", "RS512", 5, ["HS256"]]
)
def test_no_other_algorithm_is_taken(workspace: Workspace, algorithm: Any) -> None:
    keys.add_secret(workspace, SECRET, **BY)
    keys.add_public_key(workspace, public_pem(PRIVATE["RS256"]), **BY)
    claims = {"sub": "u1", "exp": int(time.time()) + 60}
    signed = _hs256({"alg": algorithm}, claims, SECRET.encode())
    unsigned = signed.rsplit(".", 1)[0] + "."
    assert not accepted(workspace, signed)
    assert not accepted(workspace, unsigned)


def test_a_key_in_the_header_is_not_believed(workspace: Workspace) -> None:
    """`jwk`, `jku` and `x5u` in a header would let whoever signs name the key to check with."""
    private = PRIVATE["RS256"]
    keys.add_public_key(workspace, public_pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)), **BY)
    for header in ({"jwk": jwk("RS256", private)}, {"jku": "https://example.com/keys"}, {"kid": "../../dev/null"}):
        assert not accepted(workspace, token("RS256", private, header))


def test_keys_of_another_workspace_verify_nothing(workspace: Workspace) -> None:
    other = workspaces.create("other", "Other", **BY)
    keys.add_secret(other, SECRET, **BY)
    assert not accepted(workspace, token("HS256", SECRET, aud="default"))
    assert accepted(other, token("HS256", SECRET, aud="other"))


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "short",
        "x" * 31,
        "x" * 1025,
        public_pem(PRIVATE["RS256"]),
        "ssh-ed25519 " + "A" * 60,
        None,
        7,
        "\ud800" * 40,
    ],
)
def test_a_weak_secret_is_refused(workspace: Workspace, secret: Any) -> None:
    if secret is None:
        return
    with pytest.raises(InvalidInput) as caught:
        keys.add_secret(workspace, secret, **BY)
    assert list(caught.value.problems) == ["secret"]
    assert len(keys.list_all(workspace)) == 1


@pytest.mark.parametrize(
    "pem",
    [
        "",
        "nonsense",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        private_pem(PRIVATE["RS256"]),
        public_pem(ec.generate_private_key(ec.SECP384R1())),
        public_pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
        None,
        "x" * 300_000,
    ],
)
def test_what_is_no_usable_public_key_is_refused(workspace: Workspace, pem: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        keys.add_public_key(workspace, pem, **BY)
    assert list(caught.value.problems) == ["public_key"]
    assert "BEGIN PRIVATE" not in str(caught.value)


@pytest.mark.parametrize(
    "document",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        '{"keys": {}}',
        '{"keys": []}',
        '{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}',
        '{"keys": [{"kty": "RSA", "n": "!", "e": "AQAB"}]}',
        '{"keys": [{"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"}]}',
        json.dumps({"keys": [jwk("RS256", PRIVATE["RS256"], alg="RS512")]}),
        json.dumps({"keys": [jwk("RS256", PRIVATE["RS256"], use="enc")]}),
        json.dumps({"keys": [7] * 51}),
        "[" * 100_000,
    ],
)
def test_what_is_no_usable_set_of_keys_is_refused(workspace: Workspace, document: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        keys.add_jwks(workspace, document, **BY)
    assert list(caught.value.problems) == ["jwks"]


def test_a_kid_is_there_once(workspace: Workspace) -> None:
    keys.add_secret(workspace, kid="k", **BY)
    with pytest.raises(Conflict):
        keys.add_secret(workspace, kid="k", **BY)
    assert len(keys.list_all(workspace)) == 2


def test_secrets_are_encrypted_at_rest_and_never_audited(workspace: Workspace) -> None:
    key = keys.add_secret(workspace, SECRET, **BY)
    with reading() as session:
        row = session.get(SigningKey, key.id)
    assert row is not None
    assert SECRET not in row.material
    assert keys.reveal(workspace, key.id, **BY) == SECRET
    entries = audit.entries(workspace.id)
    assert entries[0].action == Action.KEY_REVEAL
    assert all(SECRET not in json.dumps([entry.before, entry.after]) for entry in entries)


def test_another_secret_key_opens_nothing(workspace: Workspace, app: Any) -> None:
    app.config["SECRET_KEY"] = "another secret key for tests, long enough"
    with pytest.raises(SecretKeyMismatch, match="TIDEGATE_SECRET_KEY"):
        keys.verify_keys(workspace)
    with pytest.raises(SecretKeyMismatch):
        workspaces.load_config(workspace.id)
    with pytest.raises(SecretKeyMismatch):
        vault.decrypt("not even encrypted")


def test_switching_a_key_is_taken_over_by_servers(workspace: Workspace) -> None:
    key = keys.add_secret(workspace, SECRET, **BY)
    before = workspaces.by_id(workspace.id).generation
    keys.deactivate(workspace, key.id, **BY)
    keys.deactivate(workspace, key.id, **BY)
    assert workspaces.by_id(workspace.id).generation == before + 1
    keys.set_active(workspace, key.id, True, **BY)
    assert accepted(workspace, token("HS256", SECRET))
    other = workspaces.create("other", "Other", **BY)
    with pytest.raises(NotFound):
        keys.deactivate(other, key.id, **BY)
    with pytest.raises(NotFound):
        keys.reveal(other, key.id, **BY)


def test_without_an_active_secret_nothing_is_minted(workspace: Workspace) -> None:
    (key,) = keys.list_all(workspace)
    keys.deactivate(workspace, key.id, **BY)
    with pytest.raises(Conflict):
        tokens.mint(workspace, sub="u1", **BY)


def _hs256(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    """Sign without the library's own checks, as an attacker would."""
    parts = [jwt.utils.base64url_encode(json.dumps(part).encode()) for part in (header, claims)]
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    made = signature.sign(b".".join(parts), secret)
    return b".".join([*parts, jwt.utils.base64url_encode(made)]).decode()
