"""Who is connected and where; putting users into channels and taking them out."""

from tests.api.client import Api, Client, Server, a_channel, rule


def test_clients_and_channels_are_listed(api: Api, server: Server) -> None:
    api.rules(rule("room/*", "A"))
    channel = a_channel()
    token = api.token("lister")["token"]
    with Client(server, token).join(channel), Client(server).join(channel):
        (ann,) = api("GET", "/clients?user=lister").json["clients"]
        assert ann["channels"] == [channel]
        assert ann["protocol"] == "xano"
        assert ann["address"] == "127.0.0.1"
        assert ann["connected_for"] == round(ann["connected_for"], 3) >= 0
        listed = api("GET", "/clients").json
        assert ann["socketId"] in [client["socketId"] for client in listed["clients"]]
        assert listed["total"] == len(listed["clients"])
        (shown,) = api("GET", f"/channels?prefix={channel}").json["channels"]
        assert shown == {"name": channel, "members": 2, "authenticated": 1, "messages": 0, "target": "room/*"}


def test_lists_come_in_pages(api: Api, server: Server) -> None:
    api.rules(rule("room/*", "A"))
    channel = a_channel()
    with Client(server).join(channel), Client(server).join(channel), Client(server).join(channel):
        whole = api("GET", f"/channels/{channel}/members").json
        assert whole["total"] == 3
        ids = [member["socketId"] for member in whole["members"]]
        page = api("GET", f"/channels/{channel}/members?limit=2&offset=1").json
        assert [member["socketId"] for member in page["members"]] == ids[1:]
        assert page["total"] == 3


def test_nothing_of_other_workspaces_is_listed(api: Api, server: Server) -> None:
    other = server.api(workspace="other")
    other.rules(rule("room/*", "A"))
    channel = a_channel()
    with Client(server, workspace="other").join(channel):
        assert other("GET", f"/channels/{channel}/members").json["total"] == 1
        assert api("GET", f"/channels/{channel}/members").json["total"] == 0
        assert channel not in [c["name"] for c in api("GET", "/channels").json["channels"]]
        assert channel not in str(api("GET", "/clients").json)
        assert api.publish(channel, 1)["recipients"] == 0


def test_a_users_clients_are_put_in(api: Api, server: Server) -> None:
    api.rules(rule("room/*", "A"))
    channel = a_channel()
    token = api.token("guest")["token"]
    with Client(server, token) as one, Client(server, token).join(channel), Client(server) as stranger:
        answer = api("POST", f"/channels/{channel}/members", {"user": "guest"})
        assert answer.json == {"channel": channel, "user": "guest", "clients": 2, "joined": 1, "members": 2}
        assert one.next() == {"action": "join", "options": {"channel": channel}, "payload": {}}
        stranger.send("history", channel)
        assert stranger.next()["payload"]["code"] == "not_joined"
        again = api("POST", f"/channels/{channel}/members", {"user": "guest"})
        assert (again.json["joined"], again.json["members"]) == (0, 2)
    assert server.entries("channel:put_in")[0].after == {"channel": channel, "user": "guest", "clients": 1}


def test_only_as_far_as_the_rules_let_them(api: Api, server: Server) -> None:
    api.rules(rule("room/*", "A"))
    channel = a_channel()
    token = api.token("narrow", authorized_channels=["elsewhere"])["token"]
    with Client(server, token) as client:
        answer = api("POST", f"/channels/{channel}/members", {"user": "narrow"})
        report = answer.json
        # 200 alone looked like success: what the client was told is told to who asked, too.
        assert report.pop("warning")["code"] == "channel_not_authorized"
        assert report == {"channel": channel, "user": "narrow", "clients": 1, "joined": 0, "members": 0}
        assert client.next()["payload"]["code"] == "channel_not_authorized"


def test_a_user_who_is_not_there(api: Api) -> None:
    api.rules(rule("room/*", "A"))
    answer = api("POST", "/channels/room%2Fempty/members", {"user": "nobody"})
    assert (answer.status, answer.json["clients"], answer.json["joined"]) == (200, 0, 0)
    assert api("DELETE", "/channels/room%2Fempty/members", {"user": "nobody"}).json["removed"] == 0


def test_a_users_clients_are_taken_out(api: Api, server: Server) -> None:
    api.rules(rule("room/*", "A"))
    channel = a_channel()
    token = api.token("7")["token"]
    with Client(server, token) as client:
        for call in (
            lambda: api("DELETE", f"/channels/{channel}/members", {"user": "7"}),
            lambda: api("DELETE", f"/channels/{channel}/members", {"user": 7}),
            lambda: api("DELETE", f"/channels/{channel}/members?user=7"),
        ):
            client.join(channel)
            assert call().json == {"channel": channel, "user": "7", "removed": 1}
            assert client.next() == {"action": "leave", "options": {"channel": channel}, "payload": {}}
            assert api.publish(channel, 1)["recipients"] == 0
    assert server.entries("channel:take_out")[0].after == {"channel": channel, "user": "7", "clients": 1}


def test_the_user_has_to_be_named_once(api: Api) -> None:
    address = "/channels/room%2Fx/members"
    assert api("DELETE", address).paths == ["user"]
    assert api("DELETE", f"{address}?user=").paths == ["user"]
    assert api("DELETE", f"{address}?user=a", {"user": "b"}).paths == ["user"]
    assert api("DELETE", f"{address}?user=a", {"user": "a"}).status == 200
    assert api("POST", address, {"user": ""}).paths == ["user"]
