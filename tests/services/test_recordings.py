"""Recordings are begun, stopped, ended by themselves, deleted and put right after a crash, each audited once."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from flask import Flask, current_app

from tests.servers import rule
from tests.sockets.live import Live
from webapp.core.documents import parse_document
from webapp.inspector import playback
from webapp.inspector.filters import Filter
from webapp.inspector.recording import EndedBy
from webapp.models import Recording, Workspace
from webapp.services import audit, recordings
from webapp.services.errors import Conflict, InvalidInput, NotFound
from webapp.services.recordings import running
from webapp.services.transactions import reading, writing

from .making import BY

GIVEN: dict[str, Any] = {"name": "Rush", "wanted": Filter(), "mebibytes": 1, "minutes": 1, "sees_payloads": True}


@pytest.fixture
def live(app: Flask, workspace: Workspace) -> Iterator[Live]:
    """A running server in this process."""
    live = Live()
    live.publish(parse_document({"channels": [rule("chat/*", "A M P V")]}).rules)
    app.extensions["tidegate.realtime"] = live.realtime
    yield live
    recordings.end_all(5)


def start(workspace: Workspace, **other: Any) -> int:
    return recordings.start(workspace, **GIVEN | other, **BY).id


def stop(workspace: Workspace, number: int) -> recordings.Shown:
    recordings.stop(workspace, number, **BY)
    return recordings.show(workspace, number)


def path(app: Flask, number: int) -> Path:
    folder: Path = app.extensions["tidegate.settings"].instance
    return folder / "recordings" / f"{number}.jsonl"


def audited(workspace: Workspace) -> list[tuple[str, str, Any]]:
    found = audit.entries(workspace.id)
    return [(e.action, e.actor, e.after or e.before) for e in reversed(found) if e.action.startswith("recording")]


def test_from_its_beginning_to_its_end(app: Flask, workspace: Workspace, live: Live) -> None:
    number = start(workspace, wanted=Filter(channel="chat/*"))
    client = live.connect("ada")
    live.send(client, "join", "chat/a", {})
    live.send(client, "message", "chat/a", "hello")
    live.send(client, "message", "elsewhere", "hello")
    (shown,) = recordings.list_all(workspace)
    assert (shown.is_running, shown.name, shown.wanted, shown.started_by) == (
        True,
        "Rush",
        Filter(channel="chat/*"),
        "ada",
    )
    assert 50 < shown.seconds_left <= 60
    ended = stop(workspace, number)
    assert (ended.ended_by, ended.lines, ended.missed) == (EndedBy.STOPPED, 2, 0)
    assert ended.size == path(app, number).stat().st_size
    with recordings.opened(workspace, number) as file:
        assert [f.line.action for f in playback.page_from(file, 0, Filter()).found] == ["join", "message"]
        head = playback.head_of(file)
    assert head is not None
    assert (head.name, head.workspace, head.filter, head.started_by) == (
        "Rush",
        "default",
        {"channel": "chat/*"},
        "ada",
    )
    assert audited(workspace) == [
        (
            "recording:start",
            "ada",
            {"name": "Rush", "filter": {"channel": "chat/*"}, "mebibytes": 1, "minutes": 1},
        ),
        ("recording:stop", "ada", {"name": "Rush", "ended_by": "stopped", "lines": 2, "missed": 0}),
    ]
    assert live.realtime.tap.watching == 0


def test_only_the_servers_user_can_read_it(app: Flask, workspace: Workspace, live: Live) -> None:
    before = os.umask(0o177)  # as the server has it, for its control socket
    try:
        number = start(workspace)
    finally:
        os.umask(before)
    file = path(app, number)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_names_never_become_paths(app: Flask, workspace: Workspace, live: Live) -> None:
    number = start(workspace, name="../../<b>\u202e.jsonl")
    stop(workspace, number)
    assert [p.name for p in path(app, number).parent.iterdir()] == [f"{number}.jsonl"]
    assert recordings.show(workspace, number).name == "../../<b>\u202e.jsonl"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"minutes": 0}, "minutes"),
        ({"minutes": 1441}, "minutes"),
        ({"mebibytes": 0}, "mebibytes"),
        ({"mebibytes": 1001}, "mebibytes"),
    ],
)
def test_what_can_not_be_taken(workspace: Workspace, live: Live, given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        start(workspace, **given)
    assert list(refused.value.problems) == [field]
    assert recordings.list_all(workspace) == []


def test_without_a_server_there_is_nothing_to_record(workspace: Workspace) -> None:
    with pytest.raises(Conflict, match="No realtime server runs"):
        start(workspace)


def test_three_run_at_once(workspace: Workspace, live: Live) -> None:
    numbers = [start(workspace) for _ in range(3)]
    with pytest.raises(Conflict, match="stop one first"):
        start(workspace)
    stop(workspace, numbers[0])
    start(workspace)


def test_fifty_are_kept_and_the_oldest_is_named(workspace: Workspace, live: Live) -> None:
    first = start(workspace, name="Oldest")
    stop(workspace, first)
    with writing() as session:
        for number in range(49):
            row = Recording(workspace_id=workspace.id, name=str(number), filter={}, most_bytes=1, most_seconds=1)
            row.started_by, row.ended_by = "ada", "stopped"
            session.add(row)
    with pytest.raises(Conflict, match=r"delete one first\. The oldest is “Oldest”"):
        start(workspace)
    recordings.delete(workspace, first, **BY)
    start(workspace)


def test_a_deleted_one_is_gone_with_its_file(app: Flask, workspace: Workspace, live: Live) -> None:
    number = start(workspace)
    with pytest.raises(Conflict, match="still running"):
        recordings.delete(workspace, number, **BY)
    stop(workspace, number)
    with pytest.raises(Conflict, match="ended already"):
        recordings.stop(workspace, number, **BY)
    recordings.delete(workspace, number, **BY)
    assert not path(app, number).exists()
    for gone in (recordings.delete, recordings.stop):
        with pytest.raises(NotFound):
            gone(workspace, number, **BY)
    action, actor, before = audited(workspace)[-1]
    assert (action, actor, before["name"]) == ("recording:delete", "ada", "Rush")


def test_what_ends_by_itself_is_audited_as_the_servers(workspace: Workspace, live: Live) -> None:
    start(workspace)
    recordings.end_all(5)
    (shown,) = recordings.list_all(workspace)
    assert shown.ended_by is EndedBy.SHUTDOWN
    action, actor, after = audited(workspace)[-1]
    assert (action, actor, after["ended_by"]) == ("recording:stop", "system", "shutdown")


def test_after_a_crash_it_is_marked_and_good_up_to_its_last_whole_line(
    app: Flask, workspace: Workspace, live: Live
) -> None:
    number = start(workspace)
    client = live.connect("ada")
    for _ in range(3):
        live.send(client, "join", "chat/a", {})
        live.send(client, "leave", "chat/a")
    stop(workspace, number)
    # As if the process had been killed in the middle of writing the sixth line.
    *whole, last, _end = path(app, number).read_bytes().splitlines(keepends=True)
    path(app, number).write_bytes(b"".join(whole) + last[:-10])
    with writing() as session:
        row = session.get_one(Recording, number)
        row.ended_by, row.ended_at, row.lines, row.missed = None, None, 1, 7
    numbers = recordings.take_stock()
    assert numbers == [number]
    assert recordings.show(workspace, number).ended_by is EndedBy.RESTART
    recordings.put_right(numbers)
    shown = recordings.show(workspace, number)
    assert (shown.lines, shown.missed, shown.size) == (5, 7, path(app, number).stat().st_size)
    data = path(app, number).read_bytes()
    assert data.startswith(b"".join(whole))
    assert b'"by":"restart"' in data.splitlines()[-1]
    assert recordings.take_stock() == []
    assert audited(workspace)[-1][2]["ended_by"] == "restart"


def test_a_file_that_is_gone_or_another_ones_is_not_opened(app: Flask, workspace: Workspace, live: Live) -> None:
    """A database that was restored from a backup may name files that hold something else by now."""
    one, two = start(workspace), start(workspace)
    recordings.end_all(5)
    path(app, one).write_bytes(path(app, two).read_bytes())
    for number in (one, 999):
        with pytest.raises(NotFound):
            recordings.opened(workspace, number)
    path(app, two).unlink()
    with pytest.raises(NotFound, match="gone"):
        recordings.opened(workspace, two)


def test_a_place_that_can_not_be_written_leaves_nothing_behind(app: Flask, workspace: Workspace, live: Live) -> None:
    folder = path(app, 1).parent
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file, where a folder is needed")
    with pytest.raises(Conflict, match="can't be written"):
        start(workspace)
    assert recordings.list_all(workspace) == []
    assert audited(workspace) == []
    assert live.realtime.tap.watching == 0


def test_counts_are_saved_while_it_runs(workspace: Workspace, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "SAVE_INTERVAL", 0.01)
    number = start(workspace)
    live.send(live.connect("ada"), "join", "chat/a", {})

    def saved() -> int:
        with reading() as session:
            return session.get_one(Recording, number).lines

    with gevent.Timeout(10):
        while not saved():
            gevent.sleep(0.01)
    assert current_app.extensions["tidegate.recordings"]
