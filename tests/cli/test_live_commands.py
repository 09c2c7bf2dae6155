"""`publish` and `decide`: through the control socket of a running server, or without one."""

import json
import stat
import subprocess
import sys

import pytest
from flask import Flask

from tests.api.client import Client
from tests.api.conftest import started
from tests.cli.conftest import ROOT, Run, environment
from tests.conftest import SECRET_KEY
from webapp.config import Settings
from webapp.core.permissions import Permission
from webapp.core.ruleset import Rule, RuleSet
from webapp.core.targets import parse_target
from webapp.services import rules, tokens, workspaces


@pytest.fixture
def chat(app: Flask) -> None:
    rule = Rule(parse_target("chat", False), frozenset({Permission.CLIENT_AUTHENTICATED_MESSAGING}))
    rules.publish(workspaces.ensure_default(), RuleSet((rule,)), author="ada", source="cli")


@pytest.mark.usefixtures("chat")
def test_a_decision_says_why(run: Run) -> None:
    denied = run("decide", "chat", "send_public")
    assert denied.exit_code == 1
    assert denied.stdout.startswith("send_public on chat: denied: anonymous_not_allowed (version 1)\n")
    assert "Rule `chat` of version 1 decides." in denied.stdout
    token = tokens.mint(workspaces.get("default"), sub="u1", author="ada", source="cli").token
    for who in (token, '{"sub": "u1"}'):
        allowed = run("decide", "chat", "send_authenticated", "--as", who, "--json")
        assert allowed.exit_code == 0
        assert json.loads(allowed.stdout)["allowed"] is True
    message = json.loads(run("decide", "chat", "send", "--as", token, "--json").stdout)
    assert message["operation"] == "send_authenticated"
    assert run("decide", "elsewhere", "join").stdout.startswith("join on elsewhere: denied: no_rule")
    assert run("decide", "", "join").stdout.startswith("join on : denied: invalid_channel")


@pytest.mark.parametrize(
    "arguments",
    [
        ["chat"], ["chat", "fly"], ["chat", "join", "--as", "a.b.c"], ["chat", "join", "--as", "{"],
        ["chat", "join", "--as", '{"sub": []}'], ["chat", "join", "--as", '{"exp": "x"}'],
        ["chat", "join", "--as", '{"grants": 1}'], ["chat", "join", "--workspace", "nowhere"],
    ],
)  # fmt: skip
def test_a_bad_question_is_refused(run: Run, arguments: list[str]) -> None:
    result = run("decide", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize("text", ["", "{", "hello", "NaN", "[Infinity]", "{'a': 1}", "1 2", "[" * 100_000, '"\udcff"'])
def test_what_is_no_json_is_not_published(run: Run, text: str) -> None:
    assert run("publish", "chat", text).exit_code == 2


def test_without_a_server_nothing_can_be_published(run: Run, settings: Settings) -> None:
    result = run("publish", "chat", "{}")
    assert result.exit_code == 1
    assert "No server runs" in result.stderr
    settings.control_socket.write_text("a file that is no socket")
    assert run("publish", "chat", "{}").exit_code == 1
    assert run("decide", "chat", "join").exit_code == 1  # answered from the database: no rule


@pytest.mark.usefixtures("chat")
def test_a_running_server_is_asked(run: Run, serving: subprocess.Popen[str], settings: Settings) -> None:
    assert stat.S_IMODE(settings.control_socket.stat().st_mode) == 0o600
    result = run("publish", "chat", '{"n": 1e400}', "--event", "news")
    assert result.exit_code == 0, result.output
    assert result.stdout.endswith(": 0 recipients.\n")
    assert result.stderr == ""
    nowhere = run("publish", "chatt", "1")
    assert (nowhere.exit_code, nowhere.stderr) == (0, "Warning: no_rule: No active rule allows this channel.\n")
    assert run("publish", "chat", "1", "--user", "u1").exit_code == 0
    assert run("publish", "chat", "1", "--socket-id", "s", "--user", "u1").exit_code == 2
    too_large = run("publish", "chat", json.dumps("x" * 70_000))
    assert (too_large.exit_code, "larger" in too_large.stderr) == (2, True)
    assert run("publish", "a\x01", "1").exit_code == 2
    assert run("explain").stderr == "Nothing was refused since the server started.\n"
    decision = json.loads(run("decide", "chat", "join", "--json").stdout)
    assert decision["allowed"] is True
    assert "considered" in decision  # only the server tells this


def test_a_reference_number_is_explained(run: Run, app: Flask, settings: Settings) -> None:
    workspaces.ensure_default()
    with started(settings.instance, secret_key=SECRET_KEY) as server:
        refs = []
        for channel in ("nowhere", "a\x07\r"):
            with Client(server) as client:
                client.send("join", channel, {})
                refs.append(client.next()["payload"]["ref"])
        lines = run("explain", refs[0]).stdout.splitlines()
        assert [line.split()[0] for line in lines[:4]] == ["Time:", "Code:", "Channel:", "Client:"]
        assert lines[1:3] == ["Code:    no_rule: No active rule allows this channel.", "Channel: nowhere"]
        assert ", anonymous or without a user id, from 127.0.0.1" in lines[3]
        assert lines[4] == "join on nowhere: denied: no_rule (version 0)"
        assert lines[-1] == "  no match  rule: No active rule of version 0 matches `nowhere`."
        # A stranger's channel name must not steer the terminal of the person who asks.
        assert "\x07" not in run("explain", refs[1]).stdout + run("explain").stdout
        assert [line.split()[0] for line in run("explain").stdout.splitlines()] == refs[::-1]
        unknown = run("explain", "123")
        assert (unknown.exit_code, "No refusal 123 is kept in the workspace default" in unknown.stderr) == (1, True)
        assert run("explain", refs[0], "--workspace", "other").exit_code == 1
    without = run("explain", refs[0])
    assert (without.exit_code, "No server runs" in without.stderr) == (1, True)


@pytest.mark.usefixtures("serving")
def test_a_second_server_does_not_start(settings: Settings) -> None:
    command = [sys.executable, str(ROOT / "app.py"), "serve"]
    result = subprocess.run(
        command, env=environment(settings), cwd=settings.instance, text=True, capture_output=True, timeout=30
    )
    assert (result.returncode, "already" in result.stderr) == (1, True)


def test_nothing_is_restored_under_a_running_server(
    run: Run, serving: subprocess.Popen[str], settings: Settings
) -> None:
    file = settings.instance / "backup.zip"
    assert run("backup", file).exit_code == 0
    result = run("restore", file)
    assert (result.exit_code, "stop it" in result.stderr) == (2, True)
