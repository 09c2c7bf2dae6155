"""Import and export of settings documents: checked first, then all or nothing."""

import io
import json
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from .conftest import Office

PATH = "/w/default/channels/import"
DOCUMENT = {"enabled": True, "hash": "xyz", "channels": [{"pattern": "chat/*", "wildcard": True, "history": 100}]}


def post(client: FlaskClient, **form: object) -> tuple[int, str]:
    answer = client.post(PATH, data={"csrf_token": client.token, "expected_version": "0"} | form)  # type: ignore[attr-defined]
    return answer.status_code, answer.text


def test_checking_publishes_nothing(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    status, text = post(signed_in(), document=json.dumps(DOCUMENT | {"surprise": 1}))
    assert status == 200
    assert "1 field passed over" in text
    assert "Import and publish" in text
    assert office.version() == 0


def test_importing_publishes(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    assert post(signed_in(), document=json.dumps(DOCUMENT), confirmed="1")[0] == 303
    assert office.patterns() == ["chat/*"]


def test_a_file_can_be_chosen(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    upload = (io.BytesIO(b"\xef\xbb\xbf" + json.dumps(DOCUMENT).encode()), "settings.json")
    assert post(signed_in(), file=upload, confirmed="1")[0] == 303
    assert office.patterns() == ["chat/*"]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("", "Paste the settings here"),
        ("{", "Line 1, column 2"),
        ("[" * 100_000, "nested too deeply"),
        ('{"channels": [{"pattern": "a"}, {"pattern": "a"}]}', "channels[1].pattern"),
        ('{"channels": [{"pattern": "foo*", "wildcard": true, "history": 7}]}', "channels[0].history"),
        ('{"channels": 3}', "Expected a list"),
        ("[]", "document"),
    ],
)
def test_problems_are_told_with_their_places(
    signed_in: Callable[..., FlaskClient], office: Office, document: str, expected: str
) -> None:
    status, text = post(signed_in(), document=document, confirmed="1")
    assert status == 422
    assert expected in text
    assert office.version() == 0


def test_an_import_on_top_of_another_version_is_refused(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    office.publish({"pattern": "news"})
    status, text = post(signed_in(), document=json.dumps(DOCUMENT), confirmed="1")
    assert status == 409
    assert "someone else has published" in text
    assert office.patterns() == ["news"]


def test_what_is_exported_can_be_imported(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    office.publish({"pattern": "org/*/rooms/*", "wildcard": True, "presence": True, "description": "ünï <b>"})
    client = signed_in()
    exported = client.get("/w/default/channels/export")
    assert exported.headers["Content-Disposition"] == 'attachment; filename="default-rules-v1.json"'
    status, text = post(client, document=exported.text)
    assert status == 200
    assert "Nothing: the same rules" in text


def test_the_fields_that_change_are_named(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    office.publish({"pattern": "chat/*", "wildcard": True}, {"pattern": "old"})
    status, text = post(signed_in(), document=json.dumps(DOCUMENT))
    assert status == 200
    changed = text.partition('<span class="verdict changed">Changed</span>')[2].partition("</div>")[0]
    assert "<code>history</code>" in changed
    assert "<code>presence</code>" not in changed


def test_a_text_and_a_file_are_not_both_taken(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    # The file won and what had been typed was gone.
    upload = (io.BytesIO(json.dumps(DOCUMENT).encode()), "settings.json")
    status, text = post(signed_in(), document='{"channels": []}', file=upload, confirmed="1")
    assert status == 422
    assert 'id="file-error"' in text
    assert "{&#34;channels&#34;: []}" in text
    assert office.version() == 0
