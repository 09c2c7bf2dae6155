"""`tidegate webhook`: make, list, follow, delete, without a running server."""

from flask import Flask

from tests.cli.conftest import Run
from webapp.services import audit, webhooks, workspaces

URL = "https://hooks.example.com/a"


def test_a_webhook_is_made_listed_and_deleted(run: Run, app: Flask) -> None:
    made = run("webhook", "create", "Hook", URL, "--event", "join", "--event", "message", "--channel", "chat/*")
    assert made.exit_code == 0
    workspace = workspaces.get("default")
    (row,) = webhooks.list_all(workspace)
    assert (row.events, row.channels) == (["message", "join"], ["chat/*"])
    assert made.stdout.splitlines()[-1] == webhooks.secret_of(row)
    assert run("webhook", "list").stdout == f"{row.id}  on   0 waiting, 0 failed  Hook  {URL}  message, join\n"
    webhooks.send_test(workspace, row.id, author="t", source="cli")
    listed = run("webhook", "deliveries", row.id).stdout
    assert "  pending  0 attempts  test  msg_" in listed
    assert run("webhook", "deliveries", row.id, "--state", "failed").stdout == ""
    assert run("webhook", "delete", row.id).stdout == (
        f"Webhook {row.id} is deleted. 1 post that waited will not be made.\n"
    )
    assert run("webhook", "list").stdout == ""
    assert run("webhook", "delete", row.id).exit_code == 2
    assert run("webhook", "deliveries", row.id).exit_code == 2
    actions = [entry.action for entry in audit.entries(workspace.id, limit=3)]
    assert actions == ["webhook:delete", "webhook:test", "webhook:create"]


def test_without_events_it_is_told_of_messages(run: Run, app: Flask) -> None:
    run("webhook", "create", "Hook", URL, "--condition", "event.payload.urgent")
    (row,) = webhooks.list_all(workspaces.get("default"))
    assert (row.events, row.condition) == (["message"], "event.payload.urgent")


def test_what_is_refused(run: Run, app: Flask) -> None:
    for arguments in (
        ("", URL),
        ("Hook", "hooks.example.com"),
        ("Hook", "http://hooks.example.com"),
        ("Hook", URL, "--event", "said"),
        ("Hook", URL, "--event", "alert"),
        ("Hook", URL, "--channel", "a*"),
        ("Hook", URL, "--condition", "event.("),
        ("Hook", URL, "--workspace", "none"),
    ):
        assert run("webhook", "create", *arguments).exit_code == 2, arguments
    assert webhooks.list_all(workspaces.ensure_default()) == []


def test_names_cannot_steer_the_terminal(run: Run, app: Flask) -> None:
    workspace = workspaces.ensure_default()
    row = webhooks.create(workspace, webhooks.Spec("Hook", URL, ("message",)), author="t", source="cli")
    assert "\x1b" not in run("webhook", "create", "a\x1b[2Jb", URL).output
    assert row.name in run("webhook", "list").stdout
