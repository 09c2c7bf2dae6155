"""Who is there, as Supabase's client tells it: those who track themselves, with what they say."""

from typing import Any

import pytest

from tests.sdk.channel_users import Supabase
from tests.sdk.conftest import MakeSupabase
from tests.sdk.test_supabase import ROOM, each_client
from tests.servers import Server, rule


@pytest.fixture(autouse=True)
def rules(plain_server: Server) -> None:
    plain_server.publish(rule(ROOM, "A P M"), rule("unseen", "A M"))


def says(listed: dict[str, list[dict[str, Any]]], name: str) -> dict[str, list[Any]]:
    """What each key's entries say under a name."""
    return {key: [entry.get(name) for entry in entries] for key, entries in listed.items()}


def change(user: Supabase) -> tuple[str, str, list[Any]]:
    """Return the next join or leave: which, its key, what its entries say of their state."""
    told = user.wait("a change", lambda told: "came" in told or "went" in told)
    what = "came" if "came" in told else "went"
    return what, told[what], [entry.get("state") for entry in told["metas"]]


@each_client
def test_tracking(plain_server: Server, supabase: MakeSupabase, kind: str) -> None:
    ann, bob = supabase(plain_server.token("ann", extras={"name": "Ann"}), kind), supabase(kind=kind)
    for each in (ann, bob):
        each.subscribe(ROOM, presence=True)
        assert each.sees(ROOM, 0) == {}  # nobody has said that it is there
    assert ann.does("track", ROOM, payload={"state": "here", "user_id": "as the app names it"}) == "ok"
    for each in (ann, bob):
        ((key, (entry,)),) = each.sees(ROOM, 1).items()
        assert (entry["state"], entry["user_id"]) == ("here", "as the app names it")
        assert (entry["socketId"], entry["extras"]) == (key, {"name": "Ann"})
        assert change(each) == ("came", key, ["here"])
    late = supabase(kind=kind)
    late.subscribe(ROOM, presence=True)
    assert says(late.sees(ROOM, 1), "state") == {key: ["here"]}
    assert ann.does("untrack", ROOM) == "ok"
    for each in (ann, bob, late):
        each.sees(ROOM, 0)
    assert change(bob) == ("went", key, ["here"])


@each_client
def test_tracking_without_listening(plain_server: Server, supabase: MakeSupabase, kind: str) -> None:
    ann, bob = supabase(plain_server.token("ann"), kind), supabase(kind=kind)
    ann.subscribe(ROOM, presence=True)
    bob.subscribe(ROOM)
    assert bob.does("track", ROOM, payload={"state": "here"}) == "ok"
    ((_, states),) = says(ann.sees(ROOM, 1), "state").items()
    assert states == ["here"]
    assert bob.does("unsubscribe", ROOM) == "ok"
    ann.sees(ROOM, 0)


@each_client
def test_tracking_another_state(plain_server: Server, supabase: MakeSupabase, kind: str) -> None:
    ann, bob = supabase(plain_server.token("ann"), kind), supabase(kind=kind)
    for each in (ann, bob):
        each.subscribe(ROOM, presence=True, key="ann" if each is ann else None)
    for state in ("here", "busy", "away"):
        assert ann.does("track", ROOM, payload={"state": state}) == "ok"
        for each in (ann, bob):
            each.sees(ROOM, 1, when=lambda listed, state=state: list(says(listed, "state").values()) == [[state]])


@each_client
def test_a_key_of_one_s_own(plain_server: Server, supabase: MakeSupabase, kind: str) -> None:
    home, work, bob = supabase(plain_server.token("ann"), kind), supabase(plain_server.token("ann"), kind), supabase()
    for each in (home, work):
        each.subscribe(ROOM, key="user-ann")
    bob.subscribe(ROOM, presence=True)
    for each, state in ((home, "at home"), (work, "at work"), (bob, "here")):
        assert each.does("track", ROOM, payload={"state": state}) == "ok"
    for each in (home, work, bob):
        listed = says(each.sees(ROOM, 3), "state")
        assert sorted(listed.pop("user-ann")) == ["at home", "at work"]
        assert list(listed.values()) == [["here"]]
    home.process.kill()
    for each in (work, bob):
        assert says(each.sees(ROOM, 2), "state")["user-ann"] == ["at work"]
    assert work.does("unsubscribe", ROOM) == "ok"
    assert "user-ann" not in bob.sees(ROOM, 1)


@each_client
def test_tracking_without_the_right(plain_server: Server, supabase: MakeSupabase, kind: str) -> None:
    ann = supabase(plain_server.token("ann"), kind)
    ann.subscribe("unseen", presence=True)
    assert ann.does("track", "unseen", payload={"state": "here"}) == "error"
    assert not any(told.get("listed") for told in ann.seen)
