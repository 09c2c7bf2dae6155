"""Messages: who they say they are from, whom they reach, and what an unset option means."""

import json

import pytest

from tests.servers import Server, rule
from tests.sockets.clients import Client, Connect, Json, settle

PAYLOADS: list[object] = [
    None,
    True,
    0,
    -1.5,
    10**30,
    "",
    "ü\u2028\U0001f600\\u0000",
    [],
    {},
    {"a": [{"b": None}]},
    {"payload": {}},
]


@pytest.fixture(autouse=True)
def rules(server: Server) -> None:
    server.publish(
        rule("chat", "A P M"),
        rule("both", "A P M X V"),
        rule("signed", "A P X"),
        rule("pairs", "A P V"),
        rule("mid", "A V Va P"),
    )


def enter(client: Client, channel: str) -> str:
    """Join and return one's own socketId."""
    client.join(channel, presence=True)
    own: str = client.take("presence_full")["payload"]["presence"][-1]["socketId"]
    return own


def test_a_public_message_reaches_all_and_its_sender(server: Server, connect: Connect) -> None:
    claims: Json = {"extras": {"name": "Ann"}, "dbo_id": 7, "row_id": 42}
    ann, bob = connect(server.token("ann", **claims)), connect()
    own = enter(ann, "chat")
    enter(bob, "chat")
    ann.say("chat", {"text": "hello"})
    expected = {
        "action": "message",
        "client": {"socketId": own, "extras": {"name": "Ann"}, "permissions": {"dbo_id": 7, "row_id": 42}},
        "options": {"channel": "chat"},
        "payload": {"text": "hello"},
    }
    for received in settle(ann, bob):
        assert [frame for frame in received if frame["action"] == "message"] == [expected]


@pytest.mark.parametrize("payload", PAYLOADS, ids=repr)
def test_any_json_is_a_payload(connect: Connect, payload: object) -> None:
    client = connect()
    client.join("chat")
    client.say("chat", payload)
    assert client.take("message")["payload"] == payload


def test_a_payload_travels_as_it_was_written(connect: Connect) -> None:
    client = connect()
    client.join("chat")
    client.text(
        '{"payload": {"n": 1.10, "big": 12345678901234567890123, "twice": 1, "twice": 2},'
        ' "action": "message", "unknown": 1, "options": {"channel": "chat", "other": [1]}}'
    )
    assert client.take("message")["payload"] == json.loads('{"n":1.1,"big":12345678901234567890123,"twice":2}')
    client.text('{"action": "message", "options": {"channel": "chat"}}')
    assert client.take("message")["payload"] is None


def test_the_order_of_one_channel_is_the_same_for_all(connect: Connect) -> None:
    clients = [connect() for _ in range(4)]
    for client in clients:
        client.join("chat")
    for number in range(50):
        for name, client in enumerate(clients):
            client.say("chat", [name, number])
    received = [[frame["payload"] for frame in frames] for frames in settle(*clients)]
    assert len(received[0]) == 200
    assert all(frames == received[0] for frames in received)
    for name in range(4):
        assert [p[1] for p in received[0] if p[0] == name] == list(range(50))


def test_a_plain_message_is_authenticated_where_public_messaging_is_off(server: Server, connect: Connect) -> None:
    ann, bob, guest = connect(server.token("ann")), connect(server.token("bob")), connect()
    for client in (ann, bob, guest):
        client.join("signed")
    ann.say("signed", "plain")
    ann.say("signed", "marked", authenticated=True)
    for frames in settle(ann, bob, guest)[:2]:
        assert [(f["payload"], f["options"]) for f in frames] == [
            ("plain", {"channel": "signed", "authenticated": True}),
            ("marked", {"channel": "signed", "authenticated": True}),
        ]
    guest.say("signed", "and I?")
    assert guest.error()["code"] == "public_messaging_off"
    assert settle(guest, ann, bob) == [[], [], []]


def test_the_mark_decides_where_both_are_on(server: Server, connect: Connect) -> None:
    ann, bob, guest = connect(server.token("ann")), connect(server.token("bob")), connect()
    for client in (ann, bob, guest):
        client.join("both")
    ann.say("both", "to all")
    ann.say("both", "to us", authenticated=True)
    ours, theirs, guests = (
        [(f["payload"], f["options"].get("authenticated")) for f in x] for x in settle(ann, bob, guest)
    )
    assert ours == theirs == [("to all", None), ("to us", True)]
    assert guests == [("to all", None)]
    guest.say("both", "to them", authenticated=True)
    assert guest.error()["code"] == "authentication_required"
    assert settle(guest, ann, bob) == [[], [], []]


@pytest.mark.parametrize(
    "options", [{}, *({n: v} for n in ("authenticated", "socketId") for v in (False, None, ""))], ids=repr
)
def test_unset_options_are_all_alike(connect: Connect, options: Json) -> None:
    client, other = connect(), connect()
    client.join("both")
    other.join("both")
    client.say("both", "weweb", **options)
    for frames in settle(client, other):
        assert [(f["payload"], f["options"]) for f in frames] == [("weweb", {"channel": "both"})]


def test_a_private_message_reaches_one_and_is_echoed_once(connect: Connect) -> None:
    ann, bob, eve = connect(), connect(), connect()
    ann_id, bob_id, _ = enter(ann, "pairs"), enter(bob, "pairs"), enter(eve, "pairs")
    settle(ann, bob, eve)
    ann.whisper("pairs", bob_id, "for you")
    to_ann, to_bob, to_eve = settle(ann, bob, eve)
    assert [(f["payload"], f["client"]["socketId"], f["options"]["socketId"]) for f in to_ann] == [
        ("for you", ann_id, bob_id)
    ]
    assert [(f["payload"], f["client"]["socketId"], f["options"]["socketId"]) for f in to_bob] == [
        ("for you", ann_id, ann_id)
    ]
    assert to_eve == []


def test_a_private_message_to_oneself_comes_once(connect: Connect) -> None:
    ann, bob = connect(), connect()
    own, _ = enter(ann, "pairs"), enter(bob, "pairs")
    settle(ann, bob)
    ann.whisper("pairs", own, "note")
    to_ann, to_bob = settle(ann, bob)
    assert [(f["payload"], f["options"]["socketId"]) for f in to_ann] == [("note", own)]
    assert to_bob == []


def test_a_stranger_is_not_told_apart_from_nobody(connect: Connect) -> None:
    """The socketId of a client in another channel, of one that is gone and one that never was: the same error."""
    ann, elsewhere, gone = connect(), connect(), connect()
    enter(ann, "pairs")
    stranger = enter(elsewhere, "both")
    former = enter(gone, "pairs")
    gone.leave()
    settle(ann, elsewhere)
    for target in (stranger, former, "AAAAAAAAAAAAAAAA", "x", "\U0001f600"):
        ann.whisper("pairs", target, "anyone?")
        error = ann.error()
        del error["ref"]
        assert error == {
            "channel": "pairs",
            "code": "target_not_present",
            "message": "The client this message is addressed to cannot receive it on this channel.",
        }
    assert settle(ann, elsewhere) == [[], []]


def test_private_messages_marked_authenticated_need_both_ends(server: Server, connect: Connect) -> None:
    ann, bob, guest = connect(server.token("ann")), connect(server.token("bob")), connect()
    ann_id, bob_id, guest_id = (enter(client, "pairs") for client in (ann, bob, guest))
    settle(ann, bob, guest)
    ann.whisper("pairs", bob_id, 1, authenticated=True)
    ann.whisper("pairs", guest_id, 2, authenticated=True)
    guest.whisper("pairs", ann_id, 3, authenticated=True)
    to_ann, to_bob, to_guest = settle(ann, bob, guest)
    assert [(f["action"], f["payload"] if f["action"] == "message" else f["payload"]["code"]) for f in to_ann] == [
        ("message", 1),
        ("error", "target_not_present"),
    ]
    assert [(f["payload"], f["options"]) for f in to_bob] == [
        (1, {"channel": "pairs", "authenticated": True, "socketId": ann_id})
    ]
    assert [f["payload"]["code"] for f in to_guest] == ["authentication_required"]


def test_private_messaging_for_authenticated_clients_only(server: Server, connect: Connect) -> None:
    ann, guest = connect(server.token("ann")), connect()
    ann_id, guest_id = enter(ann, "mid"), enter(guest, "mid")
    settle(ann, guest)
    ann.whisper("mid", guest_id, 1)
    guest.whisper("mid", ann_id, 2)
    assert [[f["payload"]["code"] for f in frames] for frames in settle(ann, guest)] == [
        ["target_not_present"],
        ["authentication_required"],
    ]
