"""`tidegate block`: add, list, remove, with or without a running server; and what `decide` says of a blocked user."""

import subprocess

from flask import Flask

from tests.cli.conftest import Run
from webapp.services import audit, blocks, rules, workspaces


def test_a_block_is_made_listed_and_ended(run: Run, app: Flask) -> None:
    made = run("block", "add", "--user", "42", "--for", "15m", "--reason", "spam")
    assert made.exit_code == 0
    (block,) = blocks.in_force(workspaces.get("default"))
    assert (block.subject, block.value, block.reason) == ("user", "42", "spam")
    assert 890 < (block.expires_at - block.created_at).total_seconds() <= 900
    assert f"Block {block.id}: the user 42 is kept out until" in made.stdout
    listed = run("block", "list").stdout
    assert "user 42  by " in listed
    assert listed.endswith(": spam\n")
    assert run("block", "remove", block.id).stdout == "The user 42 may connect again.\n"
    assert run("block", "list").stdout == ""
    assert run("block", "remove", block.id).exit_code == 2
    actions = [entry.action for entry in audit.entries(workspaces.get("default").id, limit=2)]
    assert actions == ["block:end", "block:create"]


def test_what_is_refused(run: Run, app: Flask) -> None:
    for arguments in (
        (),
        ("--user", "1", "--address", "203.0.113.7"),
        ("--address", "example.com"),
        ("--user", "1", "--for", "8d"),
        ("--user", "1", "--for", "soon"),
        ("--user", ""),
    ):
        assert run("block", "add", *arguments).exit_code == 2, arguments
    workspace = workspaces.ensure_default()
    assert blocks.in_force(workspace) == []


def test_names_cannot_steer_the_terminal(run: Run, app: Flask) -> None:
    made = run("block", "add", "--user", "a\x1b[2Jb")
    assert "\x1b" not in made.stdout + run("block", "list").stdout


def test_decide_knows_of_it_without_a_server(run: Run, app: Flask) -> None:
    rules.publish_document(
        workspaces.ensure_default(), {"channels": [{"pattern": "a"}]}, strict=True, author="t", source="cli"
    )
    assert run("decide", "a", "join", "--as", '{"sub": "42"}').exit_code == 0
    run("block", "add", "--user", "42")
    denied = run("decide", "a", "join", "--as", '{"sub": "42"}')
    assert denied.exit_code == 1
    assert "denied: blocked" in denied.stdout
    assert "block: The client, its user or its address is blocked." in denied.stdout
    assert run("decide", "a", "join", "--as", '{"sub": "43"}').exit_code == 0


def test_decide_knows_of_it_with_a_server(run: Run, app: Flask, serving: "subprocess.Popen[str]") -> None:
    rules.publish_document(
        workspaces.get("default"), {"channels": [{"pattern": "a"}]}, strict=True, author="t", source="cli"
    )
    run("block", "add", "--user", "42")
    assert "denied: blocked" in run("decide", "a", "join", "--as", '{"sub": "42"}').stdout
