"""What Xano's SDK makes of a block and of a kick: the page is told why, and the SDK does not come back by itself."""

import pytest

from tests.sdk.conftest import MakeUser
from tests.sdk.users import Json, User
from tests.servers import Server, rule

COMING_BACK = 2.0
"""Seconds; an SDK that comes back does so after one."""


def closed(told: Json) -> bool:
    return "closed" in told


def is_out(user: User, code: str, message: str) -> None:
    """It was told why on its channel, and closed for good."""
    error = user.error("room")["payload"]
    assert (error["code"], error["message"]) == (code, message)
    assert user.wait("the close", closed)["closed"] == 4401
    with pytest.raises(TimeoutError):
        user.wait("another try", lambda told: closed(told) or "error" in told, COMING_BACK)


@pytest.fixture(autouse=True)
def rules(server: Server) -> None:
    server.publish(rule("room", "A M"))


def test_a_block(server: Server, user: MakeUser) -> None:
    eve = user(server.token("eve"))
    eve.join("room")
    block = server.call("block", subject="user", value="eve")
    try:
        is_out(eve, "blocked", "This client is blocked for the time being.")
        fresh = user(server.token("eve"))
        fresh.tell("channel", name="room", options={})
        is_out(fresh, "blocked", "This client is blocked for the time being.")
    finally:
        server.call("unblock", block_id=block)
    user(server.token("eve")).join("room")


def test_a_kick(server: Server, user: MakeUser) -> None:
    kim = user(server.token("kim"))
    kim.join("room")
    (mine,) = [client["socket_id"] for client in server.call("clients") if client["user_id"] == "kim"]
    server.call("kick", socket_id=mine)
    is_out(kim, "kicked", "An administrator ended this connection.")
    user(server.token("kim")).join("room")
