"""One room for all: a client of Xano's SDK, one of phoenix.js and one of Supabase's see each other as they should."""

import base64
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.sdk.channel_users import OK, Phoenix, Supabase
from tests.sdk.conftest import MakeUser, users_of
from tests.sdk.users import Json, User
from tests.servers import Server, rule, until

ROOM = "room"
BYTES = [0, 1, 0xFF]


class Room(NamedTuple):
    """Three who are signed in, each with the SDK of another protocol, and a guest with phoenix.js."""

    xano: User
    phoenix: Phoenix
    supabase: Supabase
    guest: Phoenix

    def says_the_end(self) -> None:
        """Nobody has heard anything but what was asked for: this is the next message for all."""
        assert self.phoenix.push(ROOM, "message", {"the": "end"}) == OK
        self.xano.hears(ROOM, {"the": "end"})
        for each in (self.phoenix, self.supabase, self.guest):
            assert each.hears(ROOM, "message") == {"the": "end"}


@pytest.fixture
def room(server: Server, node: str, user: MakeUser) -> Iterator[Room]:
    server.publish(rule(ROOM, "A P M X V"), rule("log of all", "A M", history=25))
    with users_of(Phoenix, node) as phoenix, users_of(Supabase, node) as supabase:

        def token(name: str) -> str:
            return server.token(name, extras={"name": name})

        room = Room(
            user(token("xano")),
            phoenix(server, token("phoenix")),
            supabase(server, token("supabase")),
            phoenix(server, kind="1.7 in objects"),
        )
        room.xano.join(ROOM, presence=True)
        room.phoenix.join(ROOM)
        room.supabase.subscribe(ROOM, presence=True, broadcast={"ack": True})
        room.guest.join(ROOM)
        yield room


def who(clients: list[Json]) -> dict[str, str]:
    """The socketId of each, by the name in its token."""
    return {client["extras"].get("name", "guest"): client["socketId"] for client in clients}


def seen_by_xano(room: Room, number: int) -> dict[str, str]:
    """Wait until Xano's SDK lists so many."""
    return until(
        lambda: found if len(found := who(room.xano.presence(ROOM))) == number else None, what=f"{number} members"
    )


def seen_by(user: Phoenix | Supabase, number: int) -> dict[str, str]:
    """Wait until another SDK lists so many; these list them by their socketIds, too."""
    listed = user.sees(ROOM, number)
    assert all(entry["socketId"] == key for key, entries in listed.items() for entry in entries)
    return who([entry for entries in listed.values() for entry in entries])


def test_public_messages(room: Room) -> None:
    xano, phoenix, supabase, guest = room
    xano.say(ROOM, {"from": "xano"})
    assert xano.hears(ROOM, {"from": "xano"})["options"].get("event") is None
    for each in (phoenix, supabase, guest):
        assert each.hears(ROOM, "message") == {"from": "xano"}
    assert phoenix.push(ROOM, "typing", {"from": "phoenix"}) == OK
    message = xano.hears(ROOM, {"from": "phoenix"})
    assert (message["options"]["event"], message["client"]["extras"]) == ("typing", {"name": "phoenix"})
    for each in (phoenix, supabase, guest):
        assert each.hears(ROOM, "typing") == {"from": "phoenix"}
    assert supabase.send(ROOM, "cursor", {"from": "supabase"}) == "ok"
    message = xano.hears(ROOM, {"from": "supabase"})
    assert (message["options"]["event"], message["client"]["extras"]) == ("cursor", {"name": "supabase"})
    for each in (phoenix, guest):
        assert each.hears(ROOM, "cursor") == {"from": "supabase"}
    for each in (phoenix, guest):
        assert each.push(ROOM, "message", {"plain": True}) == OK
        assert xano.hears(ROOM, {"plain": True})["options"].get("event") is None
        for other in (phoenix, supabase, guest):
            assert other.hears(ROOM, "message") == {"plain": True}
    room.says_the_end()


def test_payloads_that_others_could_not_read(room: Room) -> None:
    xano, phoenix, supabase, guest = room
    for payload in ("text", 7, None, [1, None]):
        xano.say(ROOM, payload)
        xano.hears(ROOM, payload)
        for each in (phoenix, supabase, guest):
            assert each.hears(ROOM, "message") == {"payload": payload}
    wrapped = {"$binary": base64.b64encode(bytes(BYTES)).decode()}
    assert phoenix.push(ROOM, "blob", {"bytes": BYTES}) == OK
    assert phoenix.hears(ROOM, "blob") == {"bytes": BYTES}
    assert supabase.send(ROOM, "blob", {"bytes": BYTES}) == "ok"
    assert supabase.hears(ROOM, "blob") == phoenix.hears(ROOM, "blob") == {"bytes": BYTES}
    for _ in range(2):
        assert guest.hears(ROOM, "blob") == wrapped
        assert xano.hears(ROOM, wrapped)["options"]["event"] == "blob"
    room.says_the_end()


def test_authenticated_messages(room: Room) -> None:
    xano, phoenix, supabase, guest = room
    xano.say(ROOM, {"from": "xano"}, authenticated=True)
    xano.hears(ROOM, {"from": "xano"})
    assert phoenix.push(ROOM, "auth_message", {"from": "phoenix"}) == OK
    assert xano.hears(ROOM, {"from": "phoenix"})["options"]["authenticated"] is True
    assert supabase.send(ROOM, "auth_message", {"from": "supabase"}) == "ok"
    assert xano.hears(ROOM, {"from": "supabase"})["options"]["authenticated"] is True
    for sender in ("xano", "phoenix", "supabase"):
        assert phoenix.hears(ROOM, "auth_message") == {"from": sender}
    for sender in ("xano", "phoenix"):
        assert supabase.hears(ROOM, "auth_message") == {"from": sender}
    assert guest.refused(ROOM, "auth_message", {}) == "authentication_required"
    room.says_the_end()


def test_presence(room: Room) -> None:
    xano, phoenix, supabase, guest = room
    three = seen_by_xano(room, 3)
    assert three == seen_by(phoenix, 3) == seen_by(supabase, 3) == seen_by(guest, 3)
    assert three.keys() == {"xano", "phoenix", "guest"}  # Supabase's say when they are there
    assert supabase.does("track", ROOM, payload={"mood": "fine"}) == "ok"
    four = seen_by_xano(room, 4)
    assert four == seen_by(phoenix, 4) == seen_by(supabase, 4) == seen_by(guest, 4)
    assert four == {**three, "supabase": four["supabase"]}
    for each in (phoenix, supabase, guest):
        assert each.sees(ROOM, 4)[four["supabase"]][0]["mood"] == "fine"
    updates = xano.count(ROOM, "presence_update")
    assert supabase.does("track", ROOM, payload={"mood": "better"}) == "ok"
    phoenix.sees(ROOM, 4, when=lambda listed: listed[four["supabase"]][0].get("mood") == "better")
    # What goes on in one protocol is taken back in all of them.
    assert supabase.does("untrack", ROOM) == "ok"
    assert guest.ask("leave", ROOM)["status"] == "ok"
    del four["guest"], four["supabase"]
    assert four == seen_by_xano(room, 2) == seen_by(phoenix, 2) == seen_by(supabase, 2)
    assert xano.count(ROOM, "presence_update") == updates + 2  # and not of the mood, which it cannot show
    xano.tell("destroy", name=ROOM)
    assert seen_by(phoenix, 1).keys() == seen_by(supabase, 1).keys() == {"phoenix"}


def test_private_messages(room: Room) -> None:
    xano, phoenix, supabase, _ = room
    assert supabase.does("track", ROOM, payload={}) == "ok"
    ids = seen_by_xano(room, 4)
    for name, other in (("phoenix", phoenix), ("supabase", supabase)):
        xano.tell("whisper", name=ROOM, socketId=ids[name], payload={"for": name})
        assert xano.hears(ROOM, {"for": name})["options"]["socketId"] == ids[name]
        assert other.hears(ROOM, "private_message") == {"for": name}
    to_xano = {"target_client_id": ids["xano"], "for": "xano"}
    assert phoenix.push(ROOM, "private_message", to_xano) == OK
    assert phoenix.hears(ROOM, "private_message") == to_xano
    assert xano.hears(ROOM, to_xano)["options"]["socketId"] == ids["phoenix"]
    assert supabase.send(ROOM, "private_message", to_xano) == "ok"
    assert xano.hears(ROOM, to_xano)["options"]["socketId"] == ids["supabase"]
    to_supabase = {"target_client_id": ids["supabase"], "for": "supabase"}
    assert phoenix.push(ROOM, "private_message", to_supabase) == OK
    assert phoenix.hears(ROOM, "private_message") == supabase.hears(ROOM, "private_message") == to_supabase
    to_user = {"target_user_id": "xano"}
    assert phoenix.push(ROOM, "secure_private_message", to_user) == OK
    assert phoenix.hears(ROOM, "secure_private_message") == to_user
    assert xano.hears(ROOM, to_user)["client"]["extras"] == {"name": "phoenix"}
    room.says_the_end()


def test_history(room: Room, server: Server, node: str, user: MakeUser) -> None:
    xano, phoenix, supabase, _ = room
    xano.join("log of all")
    phoenix.join("log of all")
    supabase.subscribe("log of all", broadcast={"ack": True, "self": True})
    xano.say("log of all", "text")
    xano.hears("log of all", "text")
    assert phoenix.push("log of all", "typing", {"from": "phoenix"}) == OK
    assert supabase.send("log of all", "cursor", {"from": "supabase"}) == "ok"
    said = [("message", "text"), ("typing", {"from": "phoenix"}), ("cursor", {"from": "supabase"})]
    wrapped = [(event, payload if isinstance(payload, dict) else {"payload": payload}) for event, payload in said]

    late = user()
    late.tell("channel", name="log of all", options={"history": True})
    kept = late.frame("log of all", "history")["payload"]["history"][-3:]
    assert [(each["options"].get("event", "message"), each["payload"]) for each in kept] == said
    with users_of(Phoenix, node) as make_phoenix, users_of(Supabase, node) as make_supabase:
        later = make_phoenix(server)
        later.join("log of all", {"history": True})
        kept = later.hears("log of all", "history")["messages"][-3:]
        assert [(each["event"], each["payload"]) for each in kept] == wrapped
        assert [each["client"]["extras"]["name"] for each in kept] == ["xano", "phoenix", "supabase"]
        last = make_supabase(server)
        last.subscribe("log of all", private=True, broadcast={"replay": {"since": 0}})
        xano.say("log of all", "the end")
        last.wait("the end", lambda told: told.get("payload") == {"payload": "the end"})
        heard = [(told["event"], told["payload"]) for told in last.seen if "event" in told]
        assert heard[-4:-1] == wrapped


def test_a_rule_change_reaches_all(room: Room, server: Server) -> None:
    xano, phoenix, supabase, guest = room
    server.publish(rule(ROOM, "P M Ma"))
    assert guest.on(ROOM, "closed")["code"] == "anonymous_not_allowed"
    xano.say(ROOM, {"without": "guests"})
    xano.hears(ROOM, {"without": "guests"})
    for each in (phoenix, supabase):
        assert each.hears(ROOM, "message") == {"without": "guests"}
    server.publish(rule("elsewhere", "A"))
    assert xano.error(ROOM)["payload"]["code"] == phoenix.on(ROOM, "closed")["code"] == "no_rule"
    supabase.is_now(ROOM, "CLOSED")
