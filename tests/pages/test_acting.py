"""Kick, take out, block, let in again: what real clients meet, and who may do it."""

import html
import re
from collections.abc import Iterator

import pytest

from tests.dashboard import Dashboard
from tests.servers import Server, rule, serving, until
from tests.sockets.clients import Client, Closed, Connect, connecting

INSPECTOR = "/w/default/inspector"
KICKED = "An administrator ended this connection."
BLOCKED = "This client is blocked for the time being."


@pytest.fixture(scope="module")
def shared() -> Iterator[Server]:
    with serving() as server:
        server.publish(rule("*", "A P M", history=25))
        yield server


@pytest.fixture(scope="module")
def owner(shared: Server) -> Dashboard:
    return Dashboard(shared)


@pytest.fixture(scope="module")
def others(shared: Server, owner: Dashboard) -> dict[str, Dashboard]:
    return {role: Dashboard(shared, role, shared.call("invitation", role=role)) for role in ("viewer", "developer")}


@pytest.fixture
def connect(shared: Server) -> Iterator[Connect]:
    with connecting(shared) as connect:
        yield connect


def socket_ids(server: Server, **wanted: object) -> list[str]:
    found = server.call("clients")
    return [c["socket_id"] for c in found if all(c[name] == value for name, value in wanted.items())]


def side(dashboard: Dashboard, query: str = "") -> str:
    status, page = dashboard.get(f"{INSPECTOR}/side?{query}")
    assert status == 200
    return page


def plain(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))


def ends(client: Client, code: str, message: str) -> None:
    """It is told why, then closed so that an SDK does not come back by itself."""
    error = client.error()
    assert (error["code"], error["message"], error["channel"]) == (code, message, None)
    assert client.closed() == 4401


def last_entry(server: Server) -> tuple[str, dict[str, object]]:
    entry = server.call("audited")[0]
    return entry["action"], entry["after"]


def test_a_kick(shared: Server, owner: Dashboard, connect: Connect) -> None:
    client, other = connect(shared.token("kim")), connect()
    client.join("a")
    other.join("a", presence=True)
    other.sync()
    (mine,) = socket_ids(shared, user_id="kim")
    assert "Disconnects 1 client, in 1 channel." in plain(side(owner, f"tab=clients&unfold={mine}"))
    assert owner.post(f"{INSPECTOR}/clients/{mine}/kick")[0] == 200
    ends(client, "kicked", KICKED)
    assert other.take("presence_update")["payload"]["action"] == "leave"
    action, after = last_entry(shared)
    assert action == "client:close"
    assert (after["socket_id"], after["user"]) == (mine, "kim")
    again = connect(shared.token("kim"))  # nothing keeps it out
    assert again.join("a")["action"] == "join"
    assert "no longer connected" in plain(owner.post(f"{INSPECTOR}/clients/{mine}/kick")[1])


def test_taking_one_client_out_of_one_channel(shared: Server, owner: Dashboard, connect: Connect) -> None:
    clients = [connect(shared.token("tom")) for _ in range(2)]
    for client in clients:
        client.join("a")
        client.join("b")
        client.sync()
    mine = socket_ids(shared, user_id="tom")[0]
    assert owner.post(f"{INSPECTOR}/clients/{mine}/take-out", channel="a")[0] == 200
    assert sorted(len(c["channels"]) for c in shared.call("clients") if c["user_id"] == "tom") == [1, 2]
    assert next(c for c in shared.call("clients") if c["socket_id"] == mine)["channels"] == ["b"]
    assert last_entry(shared) == (
        "channel:take_out",
        {"socket_id": mine, "user": "tom", "from": "127.0.0.1", "test": False, "channel": "a"},
    )
    assert "no longer in that channel" in plain(owner.post(f"{INSPECTOR}/clients/{mine}/take-out", channel="a")[1])


def test_a_blocked_user_is_out_until_let_in_again(shared: Server, owner: Dashboard, connect: Connect) -> None:
    clients = [connect(shared.token("eve")) for _ in range(2)]
    bystander = connect(shared.token("evelyn"))
    for client in (*clients, bystander):
        client.join("a")
    (first, _) = socket_ids(shared, user_id="eve")
    assert "Disconnects 2 clients of eve" in plain(side(owner, f"tab=clients&unfold={first}"))
    page = owner.post(f"{INSPECTOR}/blocks?tab=blocks", subject="user", value="eve", seconds="900", reason="spam")[1]
    assert "The user eve is blocked. 2 clients disconnected." in plain(page)
    for client in clients:
        ends(client, "blocked", BLOCKED)
    ends(connect(shared.token("eve")), "blocked", BLOCKED)
    bystander.sync()
    listed = side(owner, "tab=blocks")
    assert "User eve spam until" in plain(listed)
    assert "by ada" in plain(listed)
    action, after = last_entry(shared)
    assert (action, after["subject"], after["value"]) == ("block:create", "user", "eve")
    (block,) = re.findall(r'id="block-(\d+)"', listed)
    assert owner.post(f"{INSPECTOR}/blocks/{block}/end")[0] == 200
    assert connect(shared.token("eve")).join("a")["action"] == "join"
    assert "Nobody is blocked" in side(owner, "tab=blocks")
    assert owner.post(f"{INSPECTOR}/blocks/{block}/end")[0] == 404


@pytest.mark.parametrize("written", ["127.0.0.9", "::ffff:127.0.0.9", "::FFFF:7f00:9"])
def test_a_blocked_address_is_out_however_it_is_written(
    shared: Server, owner: Dashboard, connect: Connect, written: str
) -> None:
    anonymous, known = connect(address="127.0.0.9"), connect(shared.token("zoe"), address="127.0.0.9")
    neighbour = connect(address="127.0.0.90")
    owner.post(f"{INSPECTOR}/blocks", subject="address", value=written, seconds="900")
    for client in (anonymous, known):
        ends(client, "blocked", BLOCKED)
    ends(connect(address="127.0.0.9"), "blocked", BLOCKED)
    assert neighbour.join("a")["action"] == "join"
    (block,) = re.findall(r'id="block-(\d+)"', side(owner, "tab=blocks"))
    assert "127.0.0.9" in side(owner, "tab=blocks")
    owner.post(f"{INSPECTOR}/blocks/{block}/end")
    assert connect(address="127.0.0.9").join("a")["action"] == "join"


def test_a_block_ends_by_itself(shared: Server, owner: Dashboard, connect: Connect) -> None:
    first = connect(shared.token("short"))
    shared.call("block", subject="user", value="short", seconds=1)
    ends(first, "blocked", BLOCKED)

    def may_come_back() -> bool:
        client = connect(shared.token("short"))
        try:
            return bool(client.sync() == [])
        except Closed:
            return False

    until(may_come_back, what="the end of the block")
    assert "Nobody is blocked" in side(owner, "tab=blocks")


def test_a_block_outlives_the_server() -> None:
    with serving() as server, connecting(server) as connect:
        server.publish(rule("*", "A M"))
        block = server.call("block", subject="user", value="eve")
        server.restart()
        ends(connect(server.token("eve")), "blocked", BLOCKED)
        assert connect(server.token("ann")).join("a")["action"] == "join"
        owner = Dashboard(server)
        owner.post(f"{INSPECTOR}/blocks/{block}/end")
        assert connect(server.token("eve")).join("a")["action"] == "join"
        server.kill()
        server.start()
        assert connect(server.token("eve")).join("a")["action"] == "join"


def test_what_cannot_be_blocked_is_told(owner: Dashboard) -> None:
    for form, message in (
        ({"subject": "address", "value": "example.com", "seconds": "900"}, "This is not a network address"),
        ({"subject": "user", "value": "", "seconds": "900"}, "Name a user or an address."),
        ({"subject": "user", "value": "x", "seconds": "901"}, "Not a valid choice"),
        ({"subject": "planet", "value": "x", "seconds": "900"}, "Not a valid choice"),
    ):
        assert message in plain(owner.post(f"{INSPECTOR}/blocks", **form)[1]), form
    assert "Nobody is blocked" in side(owner, "tab=blocks")


def test_a_viewer_sees_and_does_nothing(shared: Server, others: dict[str, Dashboard], connect: Connect) -> None:
    client = connect(shared.token("vic"))
    client.join("a")
    (mine,) = socket_ids(shared, user_id="vic")
    viewer = others["viewer"]
    page = side(viewer, f"tab=clients&unfold={mine}") + side(viewer, "tab=blocks")
    assert "vic" in page
    assert "<form method=" not in page.replace('<form class="seek" role="search" method=', "")
    assert "Kick" not in page
    for path, form in (
        (f"clients/{mine}/kick", {}),
        (f"clients/{mine}/take-out", {"channel": "a"}),
        ("blocks", {"subject": "user", "value": "vic", "seconds": "900"}),
        ("blocks/1/end", {}),
    ):
        assert viewer.post(f"{INSPECTOR}/{path}", **form)[0] == 403, path
    assert viewer.get(f"{INSPECTOR}/hits?subject=user&value=vic")[0] == 403
    client.sync()


def test_a_developer_acts_on_test_clients_alone(
    shared: Server, owner: Dashboard, others: dict[str, Dashboard], connect: Connect
) -> None:
    developer = others["developer"]
    real, mixed = connect(shared.token("dev")), connect(shared.token("mix"))
    tests = [connect(shared.token(user, test=True)) for user in ("try", "try", "mix")]
    for client in (real, mixed, *tests):
        client.join("a")
    (real_id,) = socket_ids(shared, user_id="dev")
    one, _ = socket_ids(shared, user_id="try")
    (of_mixed,) = socket_ids(shared, user_id="mix", is_test=True)
    assert "Kick" not in side(developer, f"tab=clients&unfold={real_id}")
    for path, form in (
        (f"clients/{real_id}/kick", {}),
        (f"clients/{real_id}/take-out", {"channel": "a"}),
        ("blocks", {"subject": "user", "value": "dev", "seconds": "900"}),
        ("blocks", {"subject": "user", "value": "mix", "seconds": "900"}),  # one of its clients is no test client
        ("blocks", {"subject": "user", "value": "not connected", "seconds": "900"}),
        ("blocks", {"subject": "address", "value": "127.0.0.1", "seconds": "900"}),
    ):
        assert developer.post(f"{INSPECTOR}/{path}", **form)[0] == 403, (path, form)
    page = side(developer, f"tab=clients&unfold={one}&unfold={of_mixed}")
    assert "test client" in page
    assert page.count("Block user…") == 1
    assert "Block address…" not in page
    assert developer.post(f"{INSPECTOR}/clients/{of_mixed}/kick")[0] == 200
    ends(tests[2], "kicked", KICKED)
    assert developer.post(f"{INSPECTOR}/blocks", subject="user", value="try", seconds="900")[0] == 200
    for client in tests[:2]:
        ends(client, "blocked", BLOCKED)
    for client in (real, mixed):
        client.sync()
    (theirs,) = re.findall(r'id="block-(\d+)"', side(developer, "tab=blocks"))
    foreign = shared.call("block", subject="user", value="somebody")
    page = side(developer, "tab=blocks")
    assert page.count(">Let in again<") == 1
    assert developer.post(f"{INSPECTOR}/blocks/{foreign}/end")[0] == 403
    assert developer.post(f"{INSPECTOR}/blocks/{theirs}/end")[0] == 200
    owner.post(f"{INSPECTOR}/blocks/{foreign}/end")


def test_a_block_shows_where_the_judge_is_asked_about_the_user(shared: Server, owner: Dashboard) -> None:
    block = shared.call("block", subject="user", value="mallory")
    explained = owner.get("/w/default/explain?who=user&user=mallory&channel=a")[1]
    assert "This user is blocked until" in explained
    assert explained.count("The client, its user or its address is blocked.") >= 11
    assert "This user is blocked" not in owner.get("/w/default/explain?who=user&user=malloryx&channel=a")[1]
    looked_into = owner.post("/w/default/tokens/inspect", token=shared.token("mallory"), channel="a")[1]
    assert "The client, its user or its address is blocked." in looked_into
    form = {"channel": "a", "payload": "{}", "sender": "claims", "claims": '{"sub": "mallory"}', "do": "trace"}
    assert "The client, its user or its address is blocked." in owner.post("/w/default/bench/send", **form)[1]
    owner.post(f"{INSPECTOR}/blocks/{block}/end")
    assert "blocked" not in owner.get("/w/default/explain?who=user&user=mallory&channel=a")[1]
