"""The Unix socket in the instance folder counts as having every scope on every workspace; nothing else does."""

import json
import stat

from tests.api.client import JSON, Client, Server, a_channel, rule

RULES = "/api/v1/workspaces/default/rules"


def test_it_needs_no_key_on_any_workspace(server: Server) -> None:
    for workspace in ("default", "other"):
        answer = server.request("GET", f"/api/v1/workspaces/{workspace}/rules", control=True)
        assert answer.json["hash"] == workspace


def test_it_is_this_users_alone(server: Server) -> None:
    mode = stat.S_IMODE(server.settings.control_socket.stat().st_mode)
    assert mode == 0o600


def test_it_publishes_and_decides_as_the_command_line_asks(server: Server) -> None:
    document = json.dumps({"channels": [rule("room/*", "A")]}).encode()
    assert server.request("PUT", RULES, document, JSON, control=True).status == 200
    channel = a_channel()
    with Client(server).join(channel) as client:
        body = json.dumps({"channel": channel, "data": 1}).encode()
        answer = server.request("POST", "/api/v1/workspaces/default/events", body, JSON, control=True)
        assert answer.json["recipients"] == 1
        assert client.next()["payload"] == {"data": 1}
    body = json.dumps({"channel": channel, "operation": "join", "as": "anonymous"}).encode()
    answer = server.request("POST", "/api/v1/workspaces/default/decide", body, JSON, control=True)
    assert answer.json["allowed"] is True


def test_what_is_changed_there_is_the_command_lines(server: Server) -> None:
    answer = server.request("POST", "/api/v1/workspaces/default/tokens", b"{}", JSON, control=True)
    entry = next(e for e in server.entries("token:mint") if e.after["jti"] == answer.json["jti"])
    assert (entry.source, entry.actor, entry.address) == ("cli", "command line", None)


def test_a_proxy_in_front_of_it_opens_nothing(server: Server) -> None:
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        answer = server.request("GET", RULES, headers={header: "127.0.0.1"}, control=True)
        assert answer.error == "key_missing"


def test_headers_do_not_make_a_request_one_of_the_control_socket(server: Server) -> None:
    path = str(server.settings.control_socket)
    for headers in ({"X-Forwarded-For": "unix"}, {"X-Forwarded-Host": path}, {"Gunicorn-Socket": path}):
        answer = server.request("GET", RULES, headers=headers, address="127.0.0.7")
        assert answer.error == "key_missing"
