"""The tree of open channels: numbers of every branch, what is shown of it, and that making it holds nobody up."""

from time import monotonic, perf_counter

import gevent
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.inspector import tree as trees
from webapp.inspector.tree import DEPTH_MOST, Tree, Trees
from webapp.realtime.channel import Channel

SEGMENT = st.sampled_from(["a", "b", "", "ü", "*"])


def channel(name: str, members: int = 1, messages: int = 0) -> Channel:
    made = Channel(name, 1)
    made.members = {str(number): object() for number in range(members)}  # type: ignore[misc]
    made.messages = messages
    return made


def laid_out(tree: Tree, *opened: str) -> list[tuple[int, str, int]]:
    return [
        (row.depth, row.node.name if row.node else "…", row.node.members if row.node else row.more)
        for row in tree.rows(opened)
    ]


def test_members_are_summed_up_the_tree() -> None:
    tree = Trees().look("w", [channel("chat/a", 2), channel("chat/b", 3), channel("chat", 1), channel("news", 4)])
    assert laid_out(tree) == [(0, "chat", 6), (0, "news", 4)]
    assert laid_out(tree, "chat") == [(0, "chat", 6), (1, "a", 2), (1, "b", 3), (0, "news", 4)]
    chat = tree.root.children["chat"]
    assert (chat.here, chat.channels) == (1, 3)


@given(st.dictionaries(st.lists(SEGMENT, min_size=1, max_size=4).map("/".join), st.integers(1, 5), max_size=12))
def test_each_branch_is_what_lies_at_and_below_it(members: dict[str, int]) -> None:
    tree = Trees().look("w", [channel(name, count) for name, count in members.items()])
    assert (tree.root.channels, tree.root.members) == (len(members), sum(members.values()))
    opened = {"/".join(name.split("/")[:depth]) for name in members for depth in range(1, 5)}
    seen = set()
    for row in tree.rows(opened):
        assert row.node is not None
        path = row.node.path
        below = {name: count for name, count in members.items() if name == path or name.startswith(path + "/")}
        assert row.node.members == sum(below.values())
        assert row.node.channels == len(below)
        assert row.node.here == members.get(path)
        seen.add(path)
    assert set(members) <= seen


def test_an_empty_segment_is_a_branch_too() -> None:
    tree = Trees().look("w", [channel("/a"), channel("a//b"), channel("a/")])
    assert laid_out(tree, "", "a", "a/") == [(0, "", 1), (1, "a", 1), (0, "a", 2), (1, "", 2), (2, "b", 1)]


def test_rates_come_from_two_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(trees, "monotonic", lambda: now[0])
    kept, a, b = Trees(), channel("x/a", messages=10), channel("x/b", messages=5)
    first = kept.look("w", [a, b])
    assert [row.rate for row in first.rows(["x"])] == [None, None, None]
    now[0] += 6
    a.messages += 3
    b.messages = 1  # closed and opened again
    second = kept.look("w", [a, b, channel("x/c", messages=2)])
    assert [row.rate for row in second.rows(["x"])] == pytest.approx([60.0, 30.0, 10.0, 20.0])
    assert [row.rate for row in second.find("x/").rows] == pytest.approx([30.0, 10.0, 20.0])
    for _ in range(10):
        now[0] += 5
        last = kept.look("w", [a, b])
    assert [row.rate for row in last.rows()] == [0.0]
    now[0] += trees.FORGOTTEN + 1
    a.messages += 1000
    assert [row.rate for row in kept.look("w", [a, b]).rows()] == [None]  # an hour's messages are no rate of now


def test_a_rate_is_about_the_last_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(trees, "monotonic", lambda: now[0])
    kept, busy = Trees(), channel("busy")
    for second in range(0, 120, 2):
        now[0] = float(second)
        busy.messages += 20 if second > 60 else 0
        rate = kept.look("w", [busy]).rows()[0].rate
    assert rate == pytest.approx(600)


def test_who_looks_within_a_second_shares_one() -> None:
    kept = Trees()
    first = kept.look("w", [channel("a")])
    assert kept.look("w", [channel("a"), channel("b")]) is first
    assert kept.look("other", [channel("b")]) is not first


def test_two_who_look_at_once_wait_for_the_same_one() -> None:
    kept = Trees()
    many = [channel(f"c/{number}") for number in range(5_000)]
    looks = [gevent.spawn(kept.look, "w", many) for _ in range(5)]
    gevent.joinall(looks, raise_error=True)
    assert len({id(look.value) for look in looks}) == 1


def test_a_channel_that_closed_meanwhile_is_not_there() -> None:
    assert laid_out(Trees().look("w", [channel("gone", 0), channel("here")])) == [(0, "here", 1)]


def test_long_branches_say_how_many_are_not_shown() -> None:
    tree = Trees().look("w", [channel(f"many/{number:04}") for number in range(500)] + [channel("z")])
    rows = laid_out(tree, "many")
    assert rows[:2] == [(0, "many", 500), (1, "0000", 1)]
    assert rows[-2:] == [(1, "…", 400), (0, "z", 1)]


def test_never_more_rows_than_a_page_bears() -> None:
    names = [f"{a}/{b:02}" for a in "abcdefgh" for b in range(90)]
    rows = Trees().look("w", [channel(name) for name in names]).rows(list("abcdefgh"))
    shown = [row for row in rows if row.node is not None]
    assert len(shown) == trees.ROWS_MOST
    left = sum(row.more for row in rows if row.node is None)
    assert left == (90 - 17) + 5  # of the third branch, and the five that follow it


def test_searching() -> None:
    tree = Trees().look("w", [channel("Chat/Lobby", 2), channel("chat/x", 9), channel("news")])
    assert [row.node.path for row in tree.find("CHAT").rows if row.node] == ["chat/x", "Chat/Lobby"]
    found = tree.find("chat", most=1)
    assert (found.total, found.more) == (2, 1)
    assert tree.find("nothing").rows == []


def test_a_very_deep_name() -> None:
    """20,000 channels of 125 segments each took more than a gigabyte, and collecting the garbage took seconds."""
    name = "/" * 254
    tree = Trees().look("w", [channel(name, 3), channel(name + "a")])
    rows = tree.rows([name[:depth] for depth in range(255)])
    assert [row.depth for row in rows] == [*range(DEPTH_MOST), DEPTH_MOST - 1]
    deepest = [row.node for row in rows[-2:] if row.node is not None]
    assert [(node.path, node.here) for node in deepest] == [(name, 3), (name + "a", 1)]
    assert tree.find("/a").rows[0].node is deepest[1]


def test_twenty_thousand_channels_do_not_hold_the_loop() -> None:
    many = [channel(f"org/{number % 100}/rooms/{number}") for number in range(20_000)]
    gaps: list[float] = []

    def others() -> None:
        last = perf_counter()
        while True:
            gevent.sleep(0)
            gaps.append(perf_counter() - last)
            last = perf_counter()

    running = gevent.spawn(others)
    try:
        gevent.sleep(0)
        kept = Trees()
        tree = kept.look("w", many)
        tree.find("rooms")
        tree.rows(["org", "org/1", "org/1/rooms"])
    finally:
        running.kill()
    assert tree.root.channels == 20_000
    assert len(gaps) > 5
    assert sorted(gaps)[-2] < 0.1, sorted(gaps)[-5:]
    # Making it again and again takes no more than a twentieth of the time.
    assert kept._kept["w"].until - monotonic() > 0
