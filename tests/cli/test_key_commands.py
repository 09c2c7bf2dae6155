"""`tidegate key`: a workspace's signing keys, made, registered, shown and switched."""

import json
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.cli.conftest import Run
from webapp.services import audit, tokens, workspaces

SECRET = "a secret that our back end has had for years"


def claims() -> dict[str, object]:
    return {"sub": "u1", "exp": 4_000_000_000, "aud": "default"}


def accepted(token: str) -> bool:
    return tokens.inspect(workspaces.get("default"), token).valid


def test_the_first_secret_can_be_shown_to_sign_with(run: Run) -> None:
    (row,) = run("key", "list").stdout.splitlines()
    key_id, _kid, algorithm, state, _made = row.split("  ")
    assert (algorithm, state) == ("HS256", "active")
    secret = run("key", "reveal", key_id).stdout.splitlines()[-1]
    assert accepted(jwt.encode(claims(), secret, "HS256"))
    assert audit.entries(workspaces.get("default").id)[0].action == "key:reveal"


def test_a_secret_of_ones_own_is_added_and_switched(run: Run) -> None:
    added = run("key", "add-secret", "--kid", "ours", input=SECRET + "\n")
    assert added.exit_code == 0, added.output
    key_id = run("key", "list").stdout.splitlines()[-1].split()[0]
    assert f"Key {key_id} (ours, HS256) is active." in added.stdout
    assert run("key", "reveal", key_id).stdout.splitlines()[-1] == SECRET
    token = jwt.encode(claims(), SECRET, "HS256", {"kid": "ours"})
    assert accepted(token)
    assert run("key", "deactivate", key_id).exit_code == 0
    assert not accepted(token)
    assert "inactive" in run("key", "list").stdout
    assert run("key", "activate", key_id).exit_code == 0
    assert accepted(token)
    assert run("key", "add-secret", "--kid", "ours", input=SECRET).exit_code == 2


def test_without_one_a_random_secret_is_made(run: Run) -> None:
    assert run("key", "add-secret", input="").exit_code == 0
    key_id = run("key", "list").stdout.splitlines()[-1].split()[0]
    assert len(run("key", "reveal", key_id).stdout.splitlines()[-1]) >= 32


def test_public_keys_are_registered(run: Run, tmp_path: Path) -> None:
    private = generate_private_key(SECP256R1())
    file = tmp_path / "public.pem"
    file.write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert "ES256" in run("key", "add-public", file, "--kid", "backend").stdout
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert accepted(jwt.encode(claims(), pem, "ES256", {"kid": "backend"}))
    other = generate_private_key(SECP256R1())
    jwk = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256).to_jwk(other.public_key(), as_dict=True)
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [{**jwk, "kid": "k2", "alg": "ES256"}]}))
    assert "JWKS" in run("key", "add-jwks", file).stdout
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert accepted(jwt.encode(claims(), pem, "ES256", {"kid": "k2"}))
    file.write_text(pem)
    refused = run("key", "add-public", file)
    assert (refused.exit_code, "private key" in refused.stderr) == (2, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["add-public", "no-such-file"], ["add-jwks", "no-such-file"], ["add-jwks-url", "http://127.0.0.1/keys"],
        ["add-jwks-url", "nonsense"], ["reveal", "999"], ["activate", "999"], ["deactivate", "x"],
        ["list", "--workspace", "nowhere"],
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(run: Run, arguments: list[str]) -> None:
    result = run("key", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
