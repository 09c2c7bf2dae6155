"""`tidegate` commands that make keys, tokens and admins: their last line is what a script takes."""

import json

import pyotp
import pytest
from flask import Flask

from tests.cli.conftest import Run
from webapp import __version__
from webapp.core.codes import Code
from webapp.models import RoleName, Scope
from webapp.services import admins, apikeys, audit, tokens, totp, workspaces

PASSWORD = "correct horse battery"


def test_a_key_stands_alone_on_the_last_line(run: Run, app: Flask) -> None:
    result = run("apikey", "create", "ci", "--scope", "publish", "--scope", "read")
    assert result.exit_code == 0
    key = apikeys.authenticate(result.stdout.splitlines()[-1])
    assert key is not None
    assert (key.name, key.scopes) == ("ci", ["publish", "read"])
    everything = apikeys.authenticate(run("apikey", "create", "all").stdout.splitlines()[-1])
    assert everything is not None
    assert all(everything.may(scope) for scope in Scope)


def test_keys_are_listed_and_revoked(run: Run, app: Flask) -> None:
    plaintext = run("apikey", "create", "ci").stdout.splitlines()[-1]
    prefix = plaintext.split("_")[1]
    listed = run("apikey", "list").stdout
    assert prefix in listed
    assert plaintext not in listed
    assert run("apikey", "revoke", "nothere").exit_code == 2
    assert run("apikey", "revoke", prefix).exit_code == 0
    assert apikeys.authenticate(plaintext) is None


def test_a_token_stands_alone_on_the_last_line(run: Run, app: Flask) -> None:
    grants = {"resources": {"channels": {"chat": ["read"]}}}
    arguments = ["--sub", "u1", "--extras", '{"name": "Ada"}', "--dbo-id", 3, "--row-id", 7, "--ttl", "15m"]
    arguments += [
        "--channel",
        "chat",
        "--channel",
        "org/*",
        "--grants",
        json.dumps(grants),
        "--claims",
        '{"iss": "me"}',
    ]
    result = run("token", *arguments)
    assert result.exit_code == 0
    inspection = tokens.inspect(workspaces.get("default"), result.stdout.splitlines()[-1])
    assert inspection.valid
    claims = dict(inspection.claims)
    assert claims.pop("exp") - claims.pop("iat") == 900
    del claims["jti"]
    assert claims == {
        "sub": "u1", "extras": {"name": "Ada"}, "dbo_id": 3, "row_id": 7, "authorized_channels": ["chat", "org/*"],
        "grants": grants, "iss": "me", "aud": "default", "token_type": "realtime",
    }  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        ["--ttl", "0"], ["--ttl", "-1"], ["--ttl", "soon"], ["--ttl", "1.5h"], ["--ttl", "99999999999d"], ["--ttl", ""],
        ["--extras", "x"], ["--extras", "[]"], ["--extras", "{"], ["--extras", '{"a": NaN}'],
        ["--extras", "[" * 100_000],
        ["--dbo-id", "x"], ["--row-id", "1.5"], ["--channel", "foo*"], ["--channel", ""], ["--grants", '{"x": 1}'],
        ["--claims", '{"exp": 1}'], ["--sub", "x" * 300], ["--workspace", "nowhere"], ["--nonsense"], ["surplus"],
    ],
)  # fmt: skip
def test_no_token_is_made_of_bad_arguments(run: Run, app: Flask, arguments: list[str]) -> None:
    workspace = workspaces.ensure_default()
    result = run("token", "--sub", "u1", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert tokens.minted(workspace) == []


def test_a_set_up_link_is_printed_and_works_once(run: Run, app: Flask) -> None:
    result = run("setup-link")
    address, _, link = result.stdout.strip().rpartition("/")
    assert address == "http://127.0.0.1:8080/setup"
    ada = admins.redeem_setup_link(link, "ada", PASSWORD)
    assert admins.role_in(ada, workspaces.get("default")) is RoleName.OWNER
    assert not admins.check_setup_link(link)


def test_an_admin_is_made_with_a_password_from_the_input(run: Run, app: Flask) -> None:
    assert run("admin", "create", "Ada", "--role", "editor", input=f"{PASSWORD}\n").exit_code == 0
    ada = admins.authenticate("ada", PASSWORD)
    assert ada is not None
    assert admins.role_in(ada, workspaces.get("default")) is RoleName.EDITOR
    assert run("admin", "create", "ada", input=f"{PASSWORD}\n").exit_code == 2
    assert run("admin", "reset-password", "ada", input="another long password\n").exit_code == 0
    assert admins.authenticate("ada", PASSWORD) is None
    assert audit.entries()[0].actor.endswith("command line)")


def test_two_step_sign_in_is_switched_off(run: Run, app: Flask) -> None:
    run("admin", "create", "ada", input=f"{PASSWORD}\n")
    assert run("admin", "reset-totp", "nobody").exit_code == 2
    assert "not on" in run("admin", "reset-totp", "ada").stderr
    totp.begin(admins.by_username("ada"), PASSWORD)
    enrolment = totp.enrolment(admins.by_username("ada"))
    assert enrolment is not None
    totp.confirm(admins.by_username("ada"), pyotp.TOTP(enrolment.secret).now())
    assert run("admin", "reset-totp", "Ada").exit_code == 0
    assert not totp.is_on(admins.by_username("ada"))
    assert audit.entries()[0].actor.endswith("command line)")


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        (["create"], PASSWORD), (["create", "a b"], PASSWORD), (["create", "ada"], ""), (["create", "ada"], "short\n"),
        (["create", "ada", "--role", "king"], PASSWORD), (["create", "ada", "--workspace", "nowhere"], PASSWORD),
        (["reset-password", "nobody"], PASSWORD), (["create", "ada"], "x" * 2000),
    ],
)  # fmt: skip
def test_no_admin_is_made_of_bad_arguments(run: Run, app: Flask, arguments: list[str], given: str) -> None:
    assert run("admin", *arguments, input=given).exit_code == 2
    assert not admins.has_any()


@pytest.mark.parametrize(
    "arguments", [["create"], ["create", ""], ["create", "x" * 101], ["create", "ci", "--scope", "all"]]
)
def test_no_key_is_made_of_bad_arguments(run: Run, app: Flask, arguments: list[str]) -> None:
    assert run("apikey", *arguments).exit_code == 2
    assert apikeys.list_all(workspaces.ensure_default()) == []


def test_workspaces_are_made_and_listed(run: Run, app: Flask) -> None:
    run("token")
    assert run("workspace", "create", "other", "--name", "Other one").exit_code == 0
    assert run("workspace", "create", "other").exit_code == 2
    assert run("workspace", "create", "a/b").exit_code == 2
    assert run("workspace", "list").stdout == "default  Default\nother  Other one\n"
    token = run("token", "--workspace", "other").stdout.splitlines()[-1]
    assert tokens.inspect(workspaces.get("other"), token).valid
    assert tokens.inspect(workspaces.get("default"), token).code is Code.TOKEN_INVALID


def test_admins_are_listed_and_removed(run: Run, app: Flask) -> None:
    run("admin", "create", "ada", input=PASSWORD + "\n")
    workspaces.create("second", "Second", author="ada", source="cli")
    run("admin", "create", "bob", "--role", "viewer", "--workspace", "second", input=PASSWORD + "\n")
    assert run("admin", "list").stdout == "ada  owner of default, owner of second\nbob  viewer of second\n"
    last = run("admin", "remove", "ada")
    assert (last.exit_code, "last owner of default" in last.stderr) == (2, True)
    assert run("admin", "remove", "bob").exit_code == 0
    assert run("admin", "remove", "bob").exit_code == 2
    assert [admin.username for admin in admins.list_all()] == ["ada"]


def test_the_version_is_told(run: Run) -> None:
    assert run("--version").stdout == f"tidegate {__version__}\n"
