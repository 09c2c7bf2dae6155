"""A recording is read by pages from any place, forwards and backwards, however large it is and however it ends."""

import io
import tracemalloc
from pathlib import Path

import pytest

from webapp.inspector import playback
from webapp.inspector.filters import Filter, Verdict
from webapp.inspector.lines import Line
from webapp.inspector.recording import FORMAT, End, EndedBy, EndLine, Entry, Head, HeadLine, written
from webapp.inspector.traces import Route, Stage

HEAD = written(HeadLine(Head(FORMAT, "Name", "default", {}, "ada", "2026-01-01T00:00:00+00:00")))
END = written(EndLine(End(EndedBy.STOPPED, "2026-01-01T00:01:00+00:00", 1, 0)))


def entry(number: int, payload: str = "", **fields: object) -> bytes:
    given = {"action": "message", "verdict": "allowed", "what": "public message", "channel": "a"} | fields
    line = Line(id=str(number), at=float(number), **given)  # type: ignore[arg-type]
    return written(Entry(line, Route(line, "", [Stage("received", 0.0)], payload=payload)))


def ids(page: playback.Page) -> list[int]:
    return [int(found.line.id) for found in page.found]


@pytest.fixture(params=[1, 7, 100, 256 * 1024])
def slices(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads of different sizes, down to a byte."""
    monkeypatch.setattr(playback, "READ_AT_ONCE", request.param)


@pytest.mark.usefixtures("slices")
@pytest.mark.parametrize("most", [1, 3, 100])
def test_pages_follow_each_other_in_both_directions(most: int) -> None:
    file = io.BytesIO(HEAD + b"".join(entry(n, "x" * (n * 13 % 200)) for n in range(20)) + END)
    forwards: list[int] = []
    page = playback.page_from(file, 0, Filter(), most)
    while True:
        forwards += ids(page)
        if not page.has_later:
            break
        page = playback.page_from(file, page.ends, Filter(), most)
    assert forwards == list(range(20))
    backwards: list[int] = []
    page = playback.page_before(file, page.size, Filter(), most)
    while True:
        backwards = ids(page) + backwards
        if not page.has_earlier:
            break
        page = playback.page_before(file, page.begins, Filter(), most)
    assert backwards == forwards


@pytest.mark.usefixtures("slices")
def test_a_file_that_was_cut_off_is_good_up_to_its_last_whole_line() -> None:
    data = HEAD + entry(1) + entry(2)
    for lost in (0, 1, 30, len(entry(2)) - 1):
        file = io.BytesIO(data + entry(3)[: len(entry(3)) - lost])
        page = playback.page_from(file, 0, Filter())
        assert ids(page) == ([1, 2] if lost else [1, 2, 3])
        assert page.size == len(data) + (0 if lost else len(entry(3)))
        assert not page.has_later
        assert ids(playback.page_before(file, 10**9, Filter())) == ids(page)
    assert ids(playback.page_from(io.BytesIO(), 0, Filter())) == []
    assert ids(playback.page_before(io.BytesIO(b"half"), 4, Filter())) == []


def test_a_place_within_a_line_means_the_next_one() -> None:
    file = io.BytesIO(HEAD + entry(1) + entry(2) + entry(3))
    second = len(HEAD + entry(1))
    for place in (second - 20, second - 1, second):
        assert ids(playback.page_from(file, place, Filter())) == [2, 3]
    assert ids(playback.page_before(file, second + 1, Filter())) == [1, 2]
    assert ids(playback.page_from(file, 10**12, Filter())) == []


def test_what_stands_at_a_place() -> None:
    file = io.BytesIO(HEAD + entry(1, "hello") + b"rubbish\n" + END)
    found = playback.entry_at(file, len(HEAD))
    assert found is not None
    assert (found.line.id, found.route.payload) == ("1", "hello")
    for place in (0, 1, len(HEAD) - 1, len(HEAD) + 1, len(HEAD + entry(1, "hello")), len(file.getvalue()), 10**12, -5):
        assert playback.entry_at(file, place) is None


def test_damaged_lines_are_counted_and_passed_over() -> None:
    file = io.BytesIO(HEAD + entry(1) + b"\x00\xff\n{}\n" + b"[" * 100_000 + b"\n" + entry(2))
    page = playback.page_from(file, 0, Filter())
    assert (ids(page), page.damaged) == ([1, 2], 2)


def test_one_page_looks_through_a_bounded_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playback, "LOOKED_THROUGH", 3 * len(entry(100)))
    file = io.BytesIO(b"".join(entry(n) for n in range(100, 110)) + entry(110, verdict="denied"))
    wanted = Filter(verdict=Verdict.DENIED)
    page = playback.page_from(file, 0, wanted)
    pages = 1
    while not page.found:
        assert page.has_later
        page = playback.page_from(file, page.ends, wanted)
        pages += 1
    assert (ids(page), pages) == ([110], 4)


def test_a_large_recording_is_never_held_whole(tmp_path: Path) -> None:
    one = entry(1, "x" * 2_000)
    path = tmp_path / "large"
    with path.open("wb") as file:
        for _ in range(40):
            file.write(one * 500)
        file.write(entry(2, verdict="denied"))
    assert path.stat().st_size > 40_000_000
    tracemalloc.start()
    try:
        with path.open("rb") as file:
            page = playback.page_from(file, 0, Filter(verdict=Verdict.DENIED))
            assert ids(page) == [2]
            assert ids(playback.page_before(file, page.size, Filter(), 2)) == [1, 2]
            assert playback.count_entries(file) == 20_001
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 8_000_000


# What somebody brings


def part(*lines: bytes, first: int = 1, **options: object) -> playback.CheckedPart:
    return playback.check_part(b"".join(lines), 1_000, first, Filter(), **options)  # type: ignore[arg-type]


def test_a_good_part_is_taken_with_its_places() -> None:
    found = part(HEAD, entry(1), entry(2), END)
    assert (found.lines, found.problem) == (4, "")
    assert found.head is not None
    assert found.end is not None
    assert [(f.line.id, f.at, f.ends) for f in found.found] == [
        ("1", 1_000 + len(HEAD), 1_000 + len(HEAD + entry(1))),
        ("2", 1_000 + len(HEAD + entry(1)), 1_000 + len(HEAD + entry(1) + entry(2))),
    ]


def test_a_line_that_goes_on_in_the_next_part_is_left_for_it() -> None:
    found = part(HEAD, entry(1), entry(2)[:-1])
    assert (found.lines, found.taken, found.problem) == (2, len(HEAD + entry(1)), "")


def test_a_page_is_full_and_the_rest_waits() -> None:
    found = part(HEAD, *(entry(n) for n in range(10)), most=3)
    assert (found.lines, len(found.found), found.taken) == (4, 3, len(HEAD) + 3 * len(entry(1)))


GOOD = entry(1).decode()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("", "This is not JSON."),
        ("\x00", "This is not JSON."),
        ("[1]", "Expected `object`, got `array`"),
        ('{"line":{"id":' + "[" * 100_000, "Expected `str`"),
        ('{"line":{"x":' + "[" * 100_000, "This is not JSON."),
        ("null", "Expected `object`"),
        ("{}", "Expected `recording`"),
        (GOOD.replace('"id":"1"', '"id":1'), "Expected `str`, got `int` - at `$.line.id`"),
        (GOOD.replace('"id":"1"', '"id":"<b>"'), "`line.id` is no number"),
        (GOOD.replace('"at":1.0', '"at":1e300'), "`line.at` is no moment"),
        (GOOD.replace('"at":1.0', '"at":-1'), "`line.at` is no moment"),
        (GOOD.replace('"allowed"', '"x\\" onclick"'), "`line.verdict` is none of"),
        (GOOD.replace('"message"', '"exploit"'), "`line.action` is nothing"),
        (
            GOOD.replace('"channel":"a"', '"channel":"a","code":"made_up"'),
            "`line.code` is none that this version knows",
        ),
        (GOOD.replace('"channel":"a"', '"channel":"b"', 1), "`route` is of another line"),
        (GOOD.replace('"stages":[', '"stages":[1,'), "Expected `object`, got `int` - at `$.route.stages[0]`"),
        (GOOD.replace('"route":', '"other":'), "unknown field `other`"),
        ('{"line":' + '{"id":"1"}}', "missing required field `at`"),
        (HEAD.decode(), "says so once"),
        (END.decode().replace("stopped", "magic"), "Invalid enum value 'magic'"),
        (GOOD.replace("public message", "\\ud800", 1), "This is not JSON."),
    ],
)
def test_what_is_no_line_is_named_by_its_number(line: str, problem: str) -> None:
    found = part(HEAD, entry(1), line.encode().rstrip(b"\n") + b"\n", entry(3))
    assert found.lines == 2
    assert found.problem.startswith("Line 3 is no line of a recording: ")
    assert problem in found.problem
    assert len(found.problem) < 300


def test_a_file_that_does_not_begin_as_a_recording_is_none() -> None:
    assert "begins with what it is" in part(entry(1)).problem
    assert part(entry(1), first=7).problem == ""
    other = written(HeadLine(Head(99, "", "", {}, "", "")))
    assert "format 99" in part(other).problem
