"""The pages of recordings: who may do what, the form, the download, and files that somebody brings."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from webapp.inspector.recording import FORMAT, Head, HeadLine, written
from webapp.models import Recording, RoleName
from webapp.services.transactions import writing
from webapp.web.inspector import opened

from .conftest import Office

SignIn = Callable[..., FlaskClient]
PAGE = "/w/default/inspector/recordings"
LINE = {"id": "17956418750038547", "at": 1795641875003.8, "action": "message", "verdict": "denied", "what": "no <b>"}
ENTRY = {"line": LINE, "route": {"line": LINE, "sentence": "No <script>", "stages": [], "payload": '{"x": "<i>"}'}}


@pytest.fixture
def kept(app: Flask, office: Office) -> int:
    """A recording that has ended, begun by somebody else."""
    with app.app_context():
        with writing() as session:
            row = Recording(
                workspace_id=office.workspace.id,
                name='../Morning "rush"\u202e <b>',
                filter={"channel": "chat/*", "verdict": "denied"},
                most_bytes=50 * 1024**2,
                most_seconds=900,
                started_by="carol",
                ended_by="time",
                lines=3,
                missed=1234,
            )
            session.add(row)
            session.flush()
            head = Head(FORMAT, row.name, "default", row.filter, row.started_by, row.started_at.isoformat())
            row.ended_at = row.started_at
        number = row.id
    file = path(app, number)
    file.parent.mkdir()
    file.write_bytes(written(HeadLine(head)) + b"".join(json.dumps(ENTRY).encode() + b"\n" for _ in range(3)))
    return number


def path(app: Flask, number: int) -> Path:
    folder: Path = app.extensions["tidegate.settings"].instance
    return folder / "recordings" / f"{number}.jsonl"


def post(client: FlaskClient, address: str, **form: object) -> "tuple[int, str]":
    answer = client.post(PAGE + address, data={"csrf_token": client.token, **form})  # type: ignore[attr-defined]
    return answer.status_code, answer.text


def test_viewers_see_the_list_alone(signed_in: SignIn, kept: int) -> None:
    viewer = signed_in(RoleName.VIEWER)
    page = viewer.get(PAGE).text
    assert "../Morning &#34;rush&#34;" in page
    assert "1,234" in page
    assert "its time was over" in page
    for absent in ("/open", "/download", "/delete", "Start recording", "Open a file"):
        assert absent not in page
    assert viewer.get(f"{PAGE}/{kept}").status_code == 200
    for address in (f"/{kept}/open", f"/{kept}/download", "/file"):
        assert viewer.get(PAGE + address).status_code == 403
    for address in (f"/{kept}/stop", f"/{kept}/delete", "", "/file", "/look"):
        assert post(viewer, address)[0] == 403


def test_developers_open_all_and_delete_their_own(signed_in: SignIn, app: Flask, kept: int) -> None:
    developer = signed_in(RoleName.DEVELOPER)
    assert developer.get(f"{PAGE}/{kept}/open").status_code == 200
    assert "/delete" not in developer.get(PAGE).text
    assert post(developer, f"/{kept}/delete")[0] == 403
    with app.app_context(), writing() as session:
        session.get_one(Recording, kept).started_by = "developer1"
    assert "Deletes 3 lines" in developer.get(PAGE).text
    assert post(developer, f"/{kept}/delete")[0] == 303
    assert not path(app, kept).exists()
    assert "No recordings yet" in developer.get(PAGE).text


def test_editors_delete_any(signed_in: SignIn, app: Flask, kept: int) -> None:
    editor = signed_in(RoleName.EDITOR)
    assert post(editor, f"/{kept}/delete")[0] == 303
    assert not path(app, kept).exists()


def test_another_workspaces_recording_is_nothing(signed_in: SignIn, app: Flask, kept: int) -> None:
    from webapp.services import workspaces

    owner = signed_in()
    with app.app_context():
        workspaces.create("other", "Other", author="t", source="cli")
    there = f"/w/other/inspector/recordings/{kept}"
    assert owner.get(f"/w/other/inspector/recordings/{kept}/open").status_code == 404
    for address in ("", "/open", "/download"):
        assert owner.get(there + address).status_code == 404
    for address in ("/stop", "/delete"):
        assert owner.post(there + address, data={"csrf_token": owner.token}).status_code == 404  # type: ignore[attr-defined]
    assert path(app, kept).exists()


def test_the_download_is_the_file_under_a_harmless_name(signed_in: SignIn, app: Flask, kept: int) -> None:
    path(app, kept).write_bytes(path(app, kept).read_bytes() + b'{"line": half')
    answer = signed_in().get(f"{PAGE}/{kept}/download")
    assert answer.data == path(app, kept).read_bytes().removesuffix(b'{"line": half')
    assert answer.headers["Content-Disposition"] == (
        f'attachment; filename="default-recording-{kept}-morning-rush-b.jsonl"'
    )
    assert answer.headers["Content-Type"] == "application/jsonl"
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    assert answer.headers["Cache-Control"] == "no-store"
    answer.close()


def test_the_form_takes_the_inspectors_filter_over(signed_in: SignIn, office: Office, kept: int) -> None:
    from tests.sockets.live import Live

    owner = signed_in()
    office.app.extensions["tidegate.realtime"] = Live().realtime
    page = owner.get(f"{PAGE}?channel=chat/*&verdict=denied&user=%3Cb%3E").text
    assert 'value="chat/*"' in page
    assert '<option selected value="denied">' in page
    assert 'value="&lt;b&gt;"' in page
    assert 'value="chat/*, &lt;b&gt;, denied"' in page
    assert '<details class="card new-recording" open>' in page
    assert '<details class="card new-recording">' in owner.get(PAGE).text
    good = {"name": "x", "minutes": "5", "mebibytes": "5"}
    for field, wrong, told in (
        ("name", "", "Give it a name."),
        ("minutes", "0", "From 1 to 1,440."),
        ("minutes", "x", "Not a valid integer value."),
        ("mebibytes", "1001", "From 1 to 1,000."),
        ("channel", "chat*", "a whole segment"),
        ("verdict", "maybe", "Not a valid choice."),
    ):
        status, text = post(owner, "", **good | {field: wrong})
        assert status == 422
        assert told in text, field
        assert "No recordings" not in text


def test_without_a_server_the_page_says_so(signed_in: SignIn) -> None:
    owner = signed_in()
    assert "No realtime server runs in this process" in owner.get(PAGE).text
    status, text = post(owner, "", name="x", minutes="5", mebibytes="5")
    assert status == 409
    assert "No realtime server runs in this process" in text


def test_a_recording_is_opened_with_its_lines_and_ways(signed_in: SignIn, kept: int, app: Flask) -> None:
    owner = signed_in()
    page = owner.get(f"{PAGE}/{kept}/open").text
    assert page.count('class="line denied"') == 3
    assert "no &lt;b&gt;" in page
    place = path(app, kept).read_bytes().index(b"\n") + 1
    assert f"page=0&amp;selected={place}" in page
    chosen = owner.get(f"{PAGE}/{kept}/open?selected={place}").text
    assert len(re.findall(r'<a class="line[^>]*aria-current="true"', chosen)) == 1
    assert "No &lt;script&gt;" in chosen
    partial = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "section#look"}
    part = owner.get(f"{PAGE}/{kept}/open?selected={place}", headers=partial).text
    assert part.lstrip().startswith("<section")
    assert "No &lt;script&gt;" in part
    for query in ("page=99999999999", "page=-1", "before=x", "selected=3", "verdict=nonsense", "channel=chat*"):
        assert owner.get(f"{PAGE}/{kept}/open?{query}").status_code == 200
    assert 'class="line ' not in owner.get(f"{PAGE}/{kept}/open?verdict=allowed").text


def test_a_file_that_is_gone_is_a_page_that_says_so(signed_in: SignIn, kept: int, app: Flask) -> None:
    path(app, kept).unlink()
    owner = signed_in()
    for address in ("open", "download"):
        assert owner.get(f"{PAGE}/{kept}/{address}").status_code == 404
    assert post(owner, f"/{kept}/delete")[0] == 303


def bring(client: FlaskClient, address: str, data: bytes, **form: str) -> "tuple[int, str]":
    return post(client, address, part=(io.BytesIO(data), "part"), **form)


def test_a_brought_part_is_checked_and_nothing_of_it_is_kept(
    signed_in: SignIn, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    developer = signed_in(RoleName.DEVELOPER)
    line = json.dumps(ENTRY).encode() + b"\n"
    status, text = bring(developer, "/file", line * 2, place="500", first="7")
    assert status == 200
    assert f'href="#500-{500 + len(line)}"' in text
    assert 'data-lines="2"' in text
    status, text = bring(developer, "/file?verdict=allowed", line * 2, place="500", first="7")
    assert 'data-found="0"' in text
    status, text = bring(developer, "/file", line + b'{"line": "<img src=x>"}\n', place="0", first="7")
    assert status == 200
    assert "Line 8 is no line of a recording: Expected `object`" in text.replace("<code>", "`").replace("</code>", "`")
    status, text = bring(developer, "/file", b'{"<img src=x>": 1}\n', first="9")
    assert status == 422
    assert "Line 9 is no line of a recording" in text
    assert "<img" not in text
    status, text = bring(developer, "/look", line)
    assert status == 200
    assert "No &lt;script&gt;" in text
    assert bring(developer, "/look", b"{}")[0] == 422
    monkeypatch.setattr(opened, "PART_MOST", len(line))
    assert bring(developer, "/look", line)[0] == 200
    assert bring(developer, "/file", line * 2)[0] == 413
    assert not path(app, 1).parent.exists()
