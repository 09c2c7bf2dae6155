"""`ref`: the number that a client was told leads to the whole explanation, in its own workspace alone."""

from typing import Any

from tests.api.client import Api, Client, Server, a_channel, rule


def refused(server: Server, channel: str, workspace: str = "default") -> dict[str, Any]:
    """Be refused on a channel; returns the payload of the error."""
    with Client(server, workspace=workspace) as client:
        client.send("join", channel, {})
        payload: dict[str, Any] = client.next()["payload"]
        return payload


def test_a_reference_number_is_explained(api: Api, server: Server) -> None:
    version = api.rules(rule("room/*", "M Ma"))
    channel = a_channel()
    error = refused(server, channel)
    found = api("GET", f"/refusals/{error['ref']}").json
    assert (found["ref"], found["code"], found["channel"]) == (error["ref"], "anonymous_not_allowed", channel)
    assert (found["address"], found["user_id"]) == ("127.0.0.1", None)
    assert found["socketId"]
    decision = found["decision"]
    assert (decision["operation"], decision["rule"], decision["version"]) == ("join", "room/*", version)
    assert decision["steps"][-1]["state"] == "off"
    assert found["message"] == decision["message"] == error["message"]


def test_the_newest_come_first(api: Api, server: Server) -> None:
    api.rules()
    refs = [refused(server, "nowhere")["ref"] for _ in range(3)]
    listed = api("GET", "/refusals?limit=2").json["refusals"]
    assert [refusal["ref"] for refusal in listed] == refs[:0:-1]
    assert len(api("GET", "/refusals").json["refusals"]) <= 20
    for limit in ("0", "2001", "x"):
        assert api("GET", f"/refusals?limit={limit}").status == 422


def test_a_frame_that_nobody_can_read_has_no_decision(api: Api, server: Server) -> None:
    with Client(server) as client:
        client.socket.send("{")
        ref = client.next()["payload"]["ref"]
    found = api("GET", f"/refusals/{ref}").json
    assert (found["code"], found["decision"]) == ("invalid_frame", None)
    assert found["detail"]


def test_other_workspaces_and_other_scopes_see_nothing(api: Api, server: Server) -> None:
    other = server.api(workspace="other")
    other.rules()
    ref = refused(server, "nowhere", "other")["ref"]
    assert other("GET", f"/refusals/{ref}").status == 200
    assert api("GET", f"/refusals/{ref}").error == "not_found"
    assert ref not in str(api("GET", "/refusals?limit=2000").json)
    for unknown in ("1", "x", "%00", "..%2F", ""):
        assert api("GET", f"/refusals/{unknown}").error == "not_found"
    assert server.api("publish", "tokens", "rules")("GET", f"/refusals/{ref}").error == "scope_missing"


def test_a_client_of_no_workspace_is_explained_on_the_machine_alone(api: Api, server: Server) -> None:
    with Client(server, workspace="defualt") as client:
        ref = client.next()["payload"]["ref"]
    assert api("GET", f"/refusals/{ref}").error == "not_found"
    assert ref not in str(api("GET", "/refusals?limit=2000").json)
    found = server.request("GET", f"/api/v1/workspaces/default/refusals/{ref}", control=True).json
    assert found["code"] == "unknown_workspace"
