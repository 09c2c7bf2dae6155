"""docs/phoenix.md says of names, limits, answers and messages what the code does."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from webapp.api import broadcast
from webapp.api.errors import ErrorCode
from webapp.core.codes import Code
from webapp.protocols import FACES
from webapp.protocols.phoenix import EVENT_MOST, KEY_MOST, PREFIX, STATE_MOST, is_reserved, message_of
from webapp.realtime.events import Face, FrameError, Kind, Message, Present, Send
from webapp.realtime.framing import text_of

PAGE = (Path(__file__).resolve().parents[2] / "docs/phoenix.md").read_text()
CLIENT = b'{"socketId":"Xo4bm1pQ9nY2sT7c","extras":{"name":"Ada"},"permissions":{"dbo_id":0,"row_id":0}}'


def part(title: str) -> str:
    """A section of the page, on one line."""
    (found,) = re.findall(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


def table(title: str) -> list[list[str]]:
    """The rows of a section's first table, without its head."""
    rows = re.findall(r"^\|(.*)\|$", part(title), re.MULTILINE)[2:]
    return [[cell.strip() for cell in row.split("|")] for row in rows]


def named(text: str) -> list[str]:
    """What stands in code in a text."""
    return re.findall(r"`([^`]+)`", text)


def written(face: Face, message: Message) -> Any:
    return json.loads(text_of(face.message(message)))


# Messages


def said(what: str) -> Message:
    """The message that a row of the table is about."""
    names = named(what)
    if what.startswith("an event of the server"):
        return Message(1, "c", Kind.EVENT, b"{}", event=names[0] if names else None)
    send = message_of("c", names[0], b'{"target_client_id":"you","target_user_id":"7"}')
    kind = Kind.PRIVATE if send.private else Kind.AUTHENTICATED if send.authenticated else Kind.PUBLIC
    return Message(
        1, "c", kind, send.payload, CLIENT, "me", event=send.event, authenticated=send.authenticated,
        target_id=send.socket_id, target_user=send.user,
    )  # fmt: skip


ROWS = table("The same message, seen by each")


def test_the_table_has_every_kind_of_message() -> None:
    messages = [said(row[0]) for row in ROWS]
    assert {message.kind for message in messages} == set(Kind)
    assert {(m.kind, m.authenticated, m.event is not None) for m in messages if m.kind is Kind.PRIVATE} == {
        (Kind.PRIVATE, False, False),
        (Kind.PRIVATE, True, False),
    }


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_each_client_gets_what_the_table_says(row: list[str]) -> None:
    message = said(row[0])
    xano, phoenix, supabase = (written(FACES[name], message) for name in ("xano", "phoenix", "supabase"))
    action, *fields = named(row[1])
    assert xano["action"] == action
    for field in fields:
        place, name = field.split(".")
        assert name in xano[place], f"{field} in {xano}"
    assert phoenix[3] == named(row[2])[0]
    assert (supabase[2], supabase[3], supabase[4]["event"]) == (f"{PREFIX}c", "broadcast", named(row[3])[0])
    assert row[3].startswith("broadcast ")


def test_the_events_of_clients_are_what_the_page_says() -> None:
    for names, _, needs in table("Messages"):
        for name in named(names):
            if not needs:
                assert isinstance(message_of("c", name, b"{}"), Send)
                continue
            field = named(needs)[0]
            assert message_of("c", name, json.dumps({field: "x"}).encode()).private
            with pytest.raises(FrameError, match=field):
                message_of("c", name, b"{}")


def test_the_reserved_names() -> None:
    (told,) = re.findall(r"\*\*Reserved\.\*\*(.*?)\n\n", part("Messages"), re.DOTALL)
    prefixes = [name for name in named(told) if is_reserved(name)]
    assert prefixes == ["phx_", "chan_reply_", "presence_state", "presence_diff"]
    for name in [*prefixes, "phx_whatever", "presence_state_x", "history"]:
        with pytest.raises(FrameError):
            message_of("c", name, b"{}")
    assert "`history`" in told
    # No other prefix is reserved than those that the page names.
    for name in ("presence", "presence_", "chan_", "phx", "historyx", "system", "postgres_changes", "access_token"):
        assert message_of("c", name, b"{}").event == name
    assert written(FACES["phoenix"], Message(1, "c", Kind.EVENT, b"{}", event="phx_close"))[3] == "event"


# Limits


def test_the_limits() -> None:
    assert f"at most {EVENT_MOST} characters" in part("Messages")
    assert f"of at most {KEY_MOST} characters" in part("Presence")
    assert f"at most {STATE_MOST // 1024} KiB" in part("Presence")
    assert f"At most {broadcast.MESSAGES_MOST} messages" in part("Over HTTP")
    assert f"longer than {255 - len(PREFIX)} characters" in part("Supabase's client")


def test_the_answers_over_http() -> None:
    told = {int(row[0]): row[1] for row in table("Over HTTP")}
    errors = (ErrorCode.INVALID_JSON, ErrorCode.BODY_TOO_LARGE, ErrorCode.INVALID_INPUT, ErrorCode.NOT_SERVING)
    answers = {202, 403, *broadcast._STATUS.values(), *(error.status for error in errors)}
    assert set(told) == answers - {500}
    assert "`apikey`" in told[broadcast._STATUS.get(Code.UNKNOWN_WORKSPACE, 403)]
    for code, status in broadcast._STATUS.items():
        if status in (401, 429):
            assert f"`{code.value}`" in told[status]


# What is shown as JSON


def test_the_entry_of_presence() -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", part("Presence"), re.DOTALL)
    (key, entry) = next(iter(json.loads(shown).items()))
    member = Present(CLIENT, key, "42", key, 17, entry["metas"][0]["connection_time"])
    assert json.loads(text_of(FACES["phoenix"].presence_full("c", [member])))[4] == json.loads(shown)


def test_the_fields_of_history() -> None:
    frame = FACES["phoenix"].history("c", [Message(1, "c", Kind.PUBLIC, b"{}", CLIENT, "me")])
    event, payload = json.loads(text_of(frame))[3:]
    (fields,) = re.findall(r"const \{ (.*?) \} of messages", part("History"))
    assert (event, list(payload), list(payload["messages"][0])) == ("history", ["messages"], fields.split(", "))
    assert all(f"{name}" in part("History") for name in json.loads(CLIENT))


def test_the_fields_of_a_refusal() -> None:
    (told,) = re.findall(r"`\{(.*?)\}`\.", part("Refusals"))
    frame = FACES["phoenix"].removed("c", Code.NO_RULE, "text", "1")
    assert json.dumps(list(json.loads(text_of(frame))[4]))[1:-1] == told
    assert json.loads(text_of(frame))[3] == "phx_close"


def test_what_an_admin_did_has_a_reason_alone() -> None:
    (told,) = [row[1] for row in table("Refusals") if row[0] == "an admin took the client out"]
    assert "a `reason` alone" in told
    event, payload = json.loads(text_of(FACES["phoenix"].taken_out("c")))[3:]
    assert (event, list(payload)) == ("phx_close", ["reason"])
