"""Channel names in addresses: percent-encoded they are exact, and `/` may also stand bare."""

from urllib.parse import quote

import pytest

from tests.api.client import Api, Client, Server, rule

NAMES = [
    "plain",
    "chat/a",
    "a/b/c/d",
    "/a",
    "a/",
    "a//b",
    "/",
    "//",
    "members",
    "a/members",
    "a/members/members",
    "history",
    "a/history",
    "a/history/5",
    "a/history/5/members",
    "100%",
    "%2F",
    "%252F",
    "a%2Fb",
    "a b",
    "a+b",
    "a?b=c",
    "a#b",
    "a&b",
    "ä/ö",
    "频道/😀",
    "..",
    "a/../b",
    ".",
    "<b>",
    '"quoted"',
    "x" * 255,
    "ü" * 255,
]


@pytest.fixture(scope="module", autouse=True)
def _open(api: Api) -> None:
    api.rules(rule("*", "A", history=25, history_events=True), *(rule(name, "A", history=25) for name in ("/", "//")))


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:24])
def test_encoded_names_are_exact(api: Api, server: Server, name: str) -> None:
    encoded = quote(name, safe="")
    with Client(server).join(name):
        answer = api("GET", f"/channels/{encoded}/members")
        assert answer.status == 200, answer.body
        assert (answer.json["channel"], answer.json["total"]) == (name, 1)
        assert api("GET", f"/channels/{encoded}/history").json["channel"] == name
        assert api("POST", f"/channels/{encoded}/members", {"user": "x"}).json["channel"] == name
        assert api("DELETE", f"/channels/{encoded}/members?user=x").json["channel"] == name


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name)[:24])
def test_slashes_may_stand_bare(api: Api, name: str) -> None:
    bare = quote(name, safe="/")
    assert api("GET", f"/channels/{bare}/members").json["channel"] == name
    assert api("GET", f"/channels/{bare}/history").json["channel"] == name


@pytest.mark.parametrize("name", ["a", "a/b", "a/history", "a/history/7", "members", "100%", "ä"])
def test_messages_are_addressed_below_their_channel(api: Api, server: Server, name: str) -> None:
    for encoded in (quote(name, safe=""), quote(name, safe="/")):
        sent = api.publish(name, {"text": "gone soon"})
        assert sent["id"] in [m["id"] for m in api("GET", f"/channels/{encoded}/history").json["messages"]]
        assert api("DELETE", f"/channels/{encoded}/history/{sent['id']}").json == {"channel": name, "id": sent["id"]}
        assert sent["id"] not in [m["id"] for m in api("GET", f"/channels/{encoded}/history").json["messages"]]


def test_what_comes_last_says_what_is_asked_for(api: Api) -> None:
    assert "members" in api("GET", "/channels/a/history/members").json
    assert "messages" in api("GET", "/channels/a/members/history").json
    assert api("GET", "/channels/a%2Fmembers").error == "not_found"
    assert api("GET", "/channels/a%2Fhistory").error == "not_found"
    assert api("DELETE", "/channels/a%2Fhistory/5").error == "not_found"


@pytest.mark.parametrize("name", ["100%", "%", "%zz", "%2", "%FF", "%C3", "%ED%A0%80"])
def test_addresses_that_can_not_be_read(api: Api, name: str) -> None:
    answer = api("GET", f"/channels/{name}/members")
    assert (answer.status, answer.error) == (400, "invalid_address")


@pytest.mark.parametrize("name", ["", "%00", "a%0Ab", "x" * 256])
def test_names_that_no_channel_can_have(api: Api, name: str) -> None:
    answer = api("GET", f"/channels/{name}/members")
    assert (answer.status, answer.paths) == (422, ["channel"])


def test_the_absolute_form_of_a_request(api: Api, server: Server) -> None:
    address = f"http://127.0.0.1:{server.port}/api/v1/workspaces/default/channels/a%2Fb/members?limit=1"
    answer = server.request("GET", address, headers={"Authorization": f"Bearer {api.key}"})
    assert answer.json["channel"] == "a/b"
