"""Import and export of settings documents: checked first, then all or nothing, into the draft."""

import io
import json
import re
from collections.abc import Callable

import pytest
import yaml
from flask.testing import FlaskClient

from webapp.core.documents import parse_document
from webapp.services import drafts

from .conftest import Office

PATH = "/w/default/rules/import"
EXPORT = "/w/default/rules/export"
DOCUMENT = {"enabled": True, "hash": "xyz", "channels": [{"pattern": "chat/*", "wildcard": True, "history": 100}]}


def post(client: FlaskClient, **form: object) -> tuple[int, str]:
    answer = client.post(PATH, data={"csrf_token": client.token} | form)  # type: ignore[attr-defined]
    return answer.status_code, answer.text


def take_in(client: FlaskClient, **form: object) -> tuple[int, str]:
    """Check, and confirm what the check has shown."""
    status, text = post(client, **form)
    found = re.search(r'name="seen" type="hidden" value="([^"]*)"', text)
    assert (status, found is not None) == (200, True), text
    return post(client, **form, confirmed="1", seen=found[1] if found else "")


def in_draft(office: Office) -> list[str] | None:
    with office.app.app_context():
        draft = drafts.current(office.workspace)
        return [rule.target.text for rule in draft.rules.rules] if draft is not None else None


def begin_draft(office: Office, *patterns: str) -> None:
    parsed = parse_document({"channels": [{"pattern": pattern} for pattern in patterns]})
    with office.app.app_context():
        drafts.replace_all(office.workspace, parsed.rules, author="bob")


def test_checking_changes_nothing(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    status, text = post(signed_in(), document=json.dumps(DOCUMENT | {"surprise": 1}))
    assert status == 200
    assert "1 field passed over" in text
    assert "Take into the draft" in text
    assert (office.version(), in_draft(office)) == (0, None)


def test_importing_goes_into_the_draft_and_not_into_force(
    signed_in: Callable[..., FlaskClient], office: Office
) -> None:
    office.publish({"pattern": "old"})
    client = signed_in()
    assert take_in(client, document=json.dumps(DOCUMENT))[0] == 303
    assert in_draft(office) == ["chat/*"]
    assert (office.version(), office.patterns()) == (1, ["old"])
    assert "1 new, 1 deleted" in client.get("/w/default/draft").text


def test_yaml_is_taken_as_well(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    assert take_in(signed_in(), document="channels:\n- pattern: news\n  presence: true\n")[0] == 303
    assert in_draft(office) == ["news"]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\xef\xbb\xbf" + json.dumps(DOCUMENT).encode(), "settings.json"),
        (b"channels: [{pattern: chat, wildcard: true}]", "settings.yaml"),
        (b"{channels: [{pattern: chat, wildcard: true}]}", "Settings.YML"),
    ],
)
def test_a_file_can_be_chosen(signed_in: Callable[..., FlaskClient], office: Office, data: bytes, name: str) -> None:
    client = signed_in()
    status, text = post(client, file=(io.BytesIO(data), name))
    assert (status, "1 new" in text) == (200, True)
    assert "chat" in text


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("", "Paste the settings here"),
        ("{", "line 1, column 2"),
        ("[" * 100_000, "nested too deeply"),
        ("a: &a [x]\nchannels: *a\n", "line 2 holds an alias"),
        ("channels: []\nchannels: []\n", "there twice"),
        ('{"channels": [{"pattern": "a"}, {"pattern": "a"}]}', "channels[1].pattern"),
        ('{"channels": [{"pattern": "foo*", "wildcard": true, "history": 7}]}', "channels[0].history"),
        ('{"channels": 3}', "Expected a list"),
        ("[]", "document"),
        ("hello", "document"),
    ],
)
def test_problems_are_told_with_their_places(
    signed_in: Callable[..., FlaskClient], office: Office, document: str, expected: str
) -> None:
    status, text = post(signed_in(), document=document, confirmed="1")
    assert status == 422
    assert expected in text
    assert (office.version(), in_draft(office)) == (0, None)


def test_an_import_on_top_of_another_version_is_refused(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    client = signed_in()
    seen = {"confirmed": "1", "seen": "version 0"}
    office.publish({"pattern": "news"})
    status, text = post(client, document=json.dumps(DOCUMENT), **seen)
    assert status == 409
    assert "changed in the meantime" in text
    assert in_draft(office) is None
    assert take_in(client, document=json.dumps(DOCUMENT))[0] == 303


def test_a_draft_that_somebody_changed_meanwhile_is_not_overwritten(
    signed_in: Callable[..., FlaskClient], office: Office
) -> None:
    client = signed_in()
    text = post(client, document=json.dumps(DOCUMENT))[1]
    found = re.search(r'name="seen" type="hidden" value="([^"]*)"', text)
    assert found is not None
    begin_draft(office, "theirs")
    status, text = post(client, document=json.dumps(DOCUMENT), confirmed="1", seen=found[1])
    assert (status, in_draft(office)) == (409, ["theirs"])
    assert "theirs" in text


@pytest.mark.parametrize("notation", ["json", "yaml"])
def test_what_is_exported_can_be_imported(signed_in: Callable[..., FlaskClient], office: Office, notation: str) -> None:
    office.publish({"pattern": "org/*/rooms/*", "wildcard": True, "presence": True, "description": "ünï <b>"})
    client = signed_in()
    exported = client.get(f"{EXPORT}?format={notation}")
    assert exported.headers["Content-Disposition"] == f'attachment; filename="default-rules-v1.{notation}"'
    status, text = post(client, document=exported.text)
    assert status == 200
    assert "Nothing: the same rules" in text
    assert take_in(client, document=exported.text)[0] == 303
    assert in_draft(office) is None


def test_the_draft_and_any_version_can_be_exported(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    office.publish({"pattern": "first"})
    office.publish({"pattern": "second"})
    client = signed_in()
    assert client.get(f"{EXPORT}?of=draft").status_code == 404
    begin_draft(office, "drafted")

    def patterns(query: str) -> list[str]:
        return [row["pattern"] for row in yaml.safe_load(client.get(f"{EXPORT}?{query}").text)["channels"]]

    assert patterns("") == ["second"]
    assert patterns("version=1") == ["first"]
    assert patterns("of=draft&format=yaml") == ["drafted"]


@pytest.mark.parametrize("query", ["version=9", "version=x", "version=-1", "version=" + "9" * 400, "of=x", "format=x"])
def test_what_is_not_there_can_not_be_exported(signed_in: Callable[..., FlaskClient], query: str) -> None:
    assert signed_in().get(f"{EXPORT}?{query}").status_code == 404


def test_the_fields_that_change_are_shown_old_and_new(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    office.publish({"pattern": "chat/*", "wildcard": True, "presence": True}, {"pattern": "old"})
    status, text = post(signed_in(), document=json.dumps(DOCUMENT | {"strict_anonymous": True}))
    assert status == 200
    assert re.search(r"Strict anonymous</dt>\s*<dd><del>off</del>.*<ins>on</ins>", text)
    changed = text.partition("chat</span>")[2].partition("</li>")[0]
    assert re.search(r"Message history</dt>\s*<dd><del>off</del>.*<ins>100 messages</ins>", changed)
    assert re.search(r"Presence</dt>\s*<dd><del>on</del>.*<ins>off</ins>", changed)
    assert "Description" not in changed
    assert "1 changed, 1 deleted, 1 switch" in text


def test_a_text_and_a_file_are_not_both_taken(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    # The file won and what had been typed was gone.
    upload = (io.BytesIO(json.dumps(DOCUMENT).encode()), "settings.json")
    status, text = post(signed_in(), document='{"channels": []}', file=upload, confirmed="1")
    assert status == 422
    assert 'id="file-error"' in text
    assert "{&#34;channels&#34;: []}" in text
    assert in_draft(office) is None


def test_hostile_names_are_shown_as_text(signed_in: Callable[..., FlaskClient]) -> None:
    row = {"pattern": "<script>alert(1)</script>", "description": "<img src=x onerror=alert(1)>"}
    _, text = post(signed_in(), document=json.dumps({"channels": [row], "<b>": 1}))
    assert "<script>alert" not in text
    assert "<img src=x" not in text
    assert "<b>" not in text
