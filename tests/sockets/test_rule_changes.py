"""Publishing rules reaches connected clients before the publishing returns."""

import os
import subprocess
import sys

import pytest

from tests.servers import ROOT, Server, rule, until
from tests.sockets.clients import Client, Connect, Json, settle


def enter(client: Client, channel: str) -> str:
    client.join(channel, presence=True)
    own: str = client.take("presence_full")["payload"]["presence"][-1]["socketId"]
    return own


def test_whoever_may_no_longer_be_there_is_taken_out_and_told(server: Server, connect: Connect) -> None:
    server.publish(rule("room/*", "A P M"))
    guest, ann = connect(), connect(server.token("ann"))
    guest_id = enter(guest, "room/a")
    enter(ann, "room/a")
    guest.join("room/b")
    settle(guest, ann)
    published = server.publish(rule("room/*", "P M Ma"), rule("room/b", "A M"))
    assert published["report"]["removed"] == 1
    assert published["report"]["channels"] == 1
    told, seen = guest.sync(), ann.sync()
    (error,) = told
    assert error["action"] == "error"
    assert error["options"] == {"channel": "room/a"}
    assert error["payload"]["code"] == "anonymous_not_allowed"
    assert error["payload"]["message"] == "Anonymous clients cannot join this channel."
    assert [(f["action"], f["payload"]["action"], f["payload"]["presence"]["socketId"]) for f in seen] == [
        ("presence_update", "leave", guest_id)
    ]
    ann.say("room/a", "among us")
    assert settle(ann, guest)[1] == []
    guest.say("room/a", "and I?")
    assert guest.error()["code"] == "not_joined"
    guest.say("room/b", "still here")
    assert guest.take("message")["payload"] == "still here"


CHANGES: dict[str, tuple[list[Json], str]] = {
    "deleted": ([], "no_rule"),
    "switched off": ([rule("a", "A M", enabled=False)], "no_rule"),
    "workspace off": ([], "workspace_disabled"),
    "strict": ([rule("a", "M")], "anonymous_not_allowed"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_every_way_of_taking_a_right_to_join(server: Server, connect: Connect, name: str) -> None:
    server.publish(rule("a", "A M"))
    guest = connect()
    guest.join("a")
    rules, code = CHANGES[name]
    switches = {"workspace off": {"enabled": False}, "strict": {"strict_anonymous": True}}.get(name, {})
    server.publish(*(rules or [rule("b", "A")]), **switches)
    (error,) = guest.sync()
    assert (error["options"]["channel"], error["payload"]["code"]) == ("a", code)
    assert guest.join("a")["payload"]["code"] == code
    server.publish(rule("a", "A M"))
    assert guest.join("a")["action"] == "join"


def test_rights_lost_and_gained_without_leaving(server: Server, connect: Connect) -> None:
    server.publish(rule("a", "A"))
    guest, ann = connect(), connect(server.token("ann"))
    guest_id, ann_id = _plain(guest), _plain(ann)
    guest.say("a", 1)
    assert guest.error()["code"] == "public_messaging_off"
    server.publish(rule("a", "A P M X V"))
    guest.say("a", 2)
    assert [[f["payload"] for f in frames] for frames in settle(guest, ann)] == [[2], [2]]
    ann.say("a", 3, authenticated=True)
    assert [[f["payload"] for f in frames] for frames in settle(ann, guest)] == [[3], []]
    server.publish(rule("a", "A M Ma"))
    guest.say("a", 4)
    assert guest.error()["code"] == "authentication_required"
    ann.say("a", 5)
    ann.say("a", 6, authenticated=True)
    own, heard = settle(ann, guest)
    assert [f["payload"] for f in heard] == [5]
    assert [f["payload"].get("code") if f["action"] == "error" else f["payload"] for f in own] == [
        5,
        "authenticated_messaging_off",
    ]
    assert (guest_id, ann_id) == ("join", "join")


def _plain(client: Client) -> str:
    action: str = client.join("a")["action"]
    return action


def test_presence_switched_on_and_off(server: Server, connect: Connect) -> None:
    server.publish(rule("a", "A M"))
    ann, bob = connect(), connect()
    ann.join("a", presence=True)
    server.publish(rule("a", "A P M"))
    bob.join("a", presence=True)
    assert len(bob.take("presence_full")["payload"]["presence"]) == 2
    assert [f["payload"]["action"] for f in ann.sync()] == ["join"]
    server.publish(rule("a", "A M"))
    bob.send("leave", "a")
    assert [f["action"] for f in settle(bob, ann)[1]] == []


def test_a_narrower_rule_takes_over(server: Server, connect: Connect) -> None:
    server.publish(rule("room/*", "A M"))
    guest = connect()
    guest.join("room/secret")
    guest.join("room/other")
    server.publish(rule("room/*", "A M"), rule("room/secret", "M Ma"))
    (error,) = guest.sync()
    assert error["options"]["channel"] == "room/secret"
    server.publish(rule("room/*", "A M"), rule("room/secret", "M Ma", enabled=False))
    assert guest.join("room/secret")["action"] == "join"


PUBLISH_ELSEWHERE = """
from gevent import monkey; monkey.patch_all()
import json, sys
from webapp import create_app
from webapp.services import rules, workspaces
with create_app().app_context():
    workspace = workspaces.get("default")
    rules.publish_document(workspace, json.loads(sys.argv[1]), strict=True, author="elsewhere", source="cli")
"""


def test_rules_published_by_another_process_are_taken_over(server: Server, connect: Connect) -> None:
    """The command line writes the database; the running server looks at it twice a second."""
    import json

    server.publish(rule("a", "A M"))
    guest = connect()
    guest.join("a")
    environment = {**os.environ, "TIDEGATE_INSTANCE": str(server.instance), "PYTHONPATH": str(ROOT)}
    document = json.dumps({"channels": [rule("a", "M Ma"), rule("b", "A")]})
    subprocess.run([sys.executable, "-c", PUBLISH_ELSEWHERE, document], env=environment, check=True, timeout=60)
    error = guest.error(5)
    assert (error["channel"], error["code"]) == ("a", "anonymous_not_allowed")
    until(lambda: guest.join("b")["action"] == "join", 5)


def test_bad_rules_change_nothing(server: Server, connect: Connect) -> None:
    server.publish(rule("a", "A M"))
    guest = connect()
    guest.join("a")
    before = server.call("versions")
    for bad in ([rule("a"), rule("a")], [rule("foo*", wildcard=True)], [{"pattern": "a", "colour": "red"}]):
        with pytest.raises(RuntimeError):
            server.publish(*bad)
    assert server.call("versions") == before
    guest.say("a", "unchanged")
    assert guest.take("message")["payload"] == "unchanged"
