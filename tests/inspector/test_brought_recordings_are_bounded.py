"""What somebody brings as a recording may be made to cost time: lines are checked in slices, and bounded.

A line with a payload of 3 MB of brackets, or with 50,000 steps, kept the loop for seconds.
"""

import gevent
import pytest

from webapp.inspector import playback
from webapp.inspector.filters import Filter
from webapp.inspector.lines import Line
from webapp.inspector.recording import (
    FILTER_MOST,
    FORMAT,
    PARTS_MOST,
    SAID_MOST,
    Entry,
    Head,
    HeadLine,
    NotALine,
    checked,
    written,
)
from webapp.inspector.route import Client, FrameOut, Reached, Recipient, Recipients, Route, Stage, StepOut
from webapp.web.inspector.payloads import NODES_MOST, READ_MOST, tree_of

LINE = Line(id="1", at=1.0, action="message", verdict="allowed", what="public message", channel="a")
STEP = StepOut("rule", "granted", "")
MANY = PARTS_MOST + 1
MANY_STEPS = Recipients(0, [Reached("who", 1, True, steps=[STEP] * MANY)], [], 0, True)
MANY_NAMED = Recipients(0, [], [Recipient("x", "delivered")] * MANY, 0, True)


def client(extras: object) -> Client:
    return Client("x", None, False, False, {"a": extras}, None)


@pytest.mark.parametrize(
    "route",
    [
        Route(LINE, "", [], steps=[STEP] * MANY),
        Route(LINE, "", [Stage("x")] * MANY),
        Route(LINE, "", [], frames=[FrameOut("sent", "", "", "")] * MANY),
        Route(LINE, "", [], recipients=MANY_STEPS),
        Route(LINE, "", [], recipients=MANY_NAMED),
        Route(LINE, "", [], client=client("x" * SAID_MOST)),
    ],
)
def test_no_line_holds_more_than_a_page_can_show(route: Route) -> None:
    with pytest.raises(NotALine, match=r"holds more|says more"):
        checked(written(Entry(LINE, route)))


def test_nor_does_the_first_one() -> None:
    head = Head(
        FORMAT, "n", "default", {str(n): "" for n in range(FILTER_MOST + 1)}, "ada", "2026-01-01T00:00:00+00:00"
    )
    with pytest.raises(NotALine, match="filter"):
        checked(written(HeadLine(head)))


def test_a_part_is_checked_in_slices() -> None:
    data = written(Entry(LINE, Route(LINE, "", []))) * 10_000
    checking = gevent.spawn(playback.check_part, data, 0, 2, Filter(channel="nowhere"))
    turns = 0
    while not checking.ready():
        gevent.sleep(0)
        turns += 1
    assert checking.get().lines == 10_000
    assert turns > 3


def test_a_tree_is_made_of_what_it_shows_alone() -> None:
    wide = "[" + ",".join(["[]"] * (READ_MOST // 3 - 1)) + "]"
    tree = tree_of(wide)
    assert tree is not None
    assert (tree.shown, tree.left_out, tree.cut) == (NODES_MOST, READ_MOST // 3 - NODES_MOST, True)
    assert tree_of(wide + " " * READ_MOST) is None
