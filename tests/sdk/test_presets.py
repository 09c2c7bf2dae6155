"""The five examples of PERMISSIONS.md, each as a front end with Xano's SDK would find it."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.sdk.users import User
from tests.servers import Server, rule

MakeUser = Callable[..., User]
JOIN = "Anonymous clients cannot join this channel."


class Preset(NamedTuple):
    """Boxes, and what they open: to whom joining and sending, and whether members may write to one another."""

    letters: str
    anonymous_join: bool
    anonymous_send: bool
    authenticated_send: bool
    private: bool = False


PRESETS = {
    "connect and send anonymously": Preset("A M", True, True, True),
    "connect anonymously, sign in to send": Preset("A M Ma", True, False, True),
    "notifications to anyone, nobody sends": Preset("A", True, False, False),
    "signed-in users only": Preset("M Ma", False, False, True),
    "signed-in users with direct messages": Preset("M Ma V Va P", False, False, True, True),
}


@pytest.mark.parametrize("name", PRESETS)
def test_preset(server: Server, user: MakeUser, name: str) -> None:
    preset = PRESETS[name]
    server.publish(rule("room", preset.letters))
    ann, bob, guest = user(server.token("ann")), user(server.token("bob")), user()
    ann.join("room", presence=preset.private)
    bob.join("room", presence=preset.private)
    guest.tell("channel", name="room", options={})
    if preset.anonymous_join:
        guest.frame("room", "join")
    else:
        assert guest.error("room")["payload"]["message"] == JOIN

    guest.say("room", "from a guest")
    if preset.anonymous_send:
        for each in (ann, bob, guest):
            each.hears("room", "from a guest")
    else:
        guest.error("room")

    ann.say("room", "from ann")
    if preset.authenticated_send:
        hearing = [ann, bob, *([guest] if preset.anonymous_join else [])]
        for each in hearing:
            each.hears("room", "from ann")
    else:
        assert ann.error("room")["payload"]["code"] == "public_messaging_off"

    members = 2 + preset.anonymous_join
    assert server.call("event", channel="room", data="from the server")["recipients"] == members
    for each in (ann, bob, *([guest] if preset.anonymous_join else [])):
        assert each.frame("room", "event")["payload"] == {"data": "from the server"}

    if preset.private:
        other = bob.presence("room")[0]["socketId"]
        bob.tell("whisper", name="room", socketId=other, payload="psst")
        bob.hears("room", "psst")
        ann.hears("room", "psst")
    assert guest.count("room", "message") == (
        preset.anonymous_send + (preset.anonymous_join and preset.authenticated_send)
    )
