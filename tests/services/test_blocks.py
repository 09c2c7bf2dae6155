"""Blocks: who is kept out, for how long, by whom; addresses in whatever form they are written."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from webapp.models import Action, Block, Workspace, now
from webapp.realtime.workspace import Block as LiveBlock
from webapp.services import audit, blocks, live, workspaces
from webapp.services.blocks import Subject
from webapp.services.errors import Conflict, InvalidInput, NotFound
from webapp.services.transactions import reading, writing

from .making import BY


def create(workspace: Workspace, subject: str = "user", value: str = "42", seconds: int = 900, **more: Any) -> Block:
    return blocks.create(workspace, subject, value, seconds, **BY, **more).block


def in_force(workspace: Workspace) -> list[tuple[str, str]]:
    return [(block.subject, block.value) for block in blocks.in_force(workspace)]


def test_a_block_is_in_force_until_its_time_is_over(workspace: Workspace) -> None:
    before = workspaces.by_id(workspace.id).generation
    block = create(workspace, reason="spam")
    assert in_force(workspace) == [("user", "42")]
    assert blocks.of_user(workspace, "42") is not None
    assert blocks.of_user(workspace, "4") is None
    assert blocks.of_user(workspace, None) is None
    assert workspaces.by_id(workspace.id).generation == before + 1
    assert live.load_config(workspace.id).blocks == (LiveBlock(block.expires_at.timestamp(), user_id="42"),)
    with writing() as session:
        session.execute(update(Block).values(expires_at=now() - timedelta(seconds=1)))
    assert in_force(workspace) == []
    assert blocks.of_user(workspace, "42") is None
    assert live.load_config(workspace.id).blocks == ()


def test_letting_in_again(workspace: Workspace) -> None:
    block = create(workspace)
    blocks.end(workspace, block.id, **BY)
    assert in_force(workspace) == []
    assert live.load_config(workspace.id).blocks == ()
    with pytest.raises(NotFound):
        blocks.end(workspace, block.id, **BY)
    with pytest.raises(NotFound):
        blocks.get(workspace, block.id)


def test_another_workspace_s_block_is_none_of_ours(workspace: Workspace) -> None:
    other = workspaces.create("other", "Other", **BY)
    block = create(other)
    assert in_force(workspace) == []
    assert blocks.of_user(workspace, "42") is None
    with pytest.raises(NotFound):
        blocks.end(workspace, block.id, **BY)
    assert in_force(other) == [("user", "42")]


def test_a_second_block_on_the_same_one_takes_the_place_of_the_first(workspace: Workspace) -> None:
    create(workspace, seconds=7 * 24 * 3600)
    second = create(workspace, seconds=60)
    assert [block.id for block in blocks.in_force(workspace)] == [second.id]
    entry = audit.entries(workspace.id, action=Action.BLOCK_CREATE)[0]
    assert entry.before["until"] > entry.after["until"]


def test_what_is_done_stands_in_the_audit_log(workspace: Workspace) -> None:
    block = create(workspace, "address", "203.0.113.7", reason="flood", address="198.51.100.1")
    blocks.end(workspace, block.id, **BY)
    end, begin = audit.entries(workspace.id, limit=2)
    assert (begin.action, begin.actor, begin.reason, begin.address) == ("block:create", "ada", "flood", "198.51.100.1")
    assert begin.after["subject"] == "address"
    assert begin.after["value"] == "203.0.113.7"
    assert (end.action, end.before["value"]) == ("block:end", "203.0.113.7")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("::FFFF:cb00:7107", "203.0.113.7"),
        ("2001:DB8:0:0::7", "2001:db8::7"),
    ],
)
def test_addresses_are_kept_in_one_form(workspace: Workspace, given: str, kept: str) -> None:
    assert create(workspace, "address", given).value == kept


@pytest.mark.parametrize("value", ["", "example.com", "203.0.113.0/24", "203.0.113", "203.0.113.07", "1", "::g"])
def test_what_is_no_address_is_refused(workspace: Workspace, value: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        create(workspace, "address", value)
    assert list(refused.value.problems) == ["address"]
    assert in_force(workspace) == []


@pytest.mark.parametrize("value", [" a ", "A", "a\n", "ä" * 300, "203.0.113.7", "'; drop"])
def test_a_user_id_is_taken_exactly_as_tokens_name_it(workspace: Workspace, value: str) -> None:
    create(workspace, "user", value)
    assert blocks.of_user(workspace, value) is not None
    assert blocks.of_user(workspace, value.strip().lower() + "x") is None


@pytest.mark.parametrize("value", ["", "a\x00", "x" * 2001, "\ud800"])
def test_what_no_user_can_be_called_is_refused(workspace: Workspace, value: str) -> None:
    with pytest.raises(InvalidInput):
        create(workspace, "user", value)


@pytest.mark.parametrize("seconds", [0, -1, 7 * 24 * 3600 + 1, True, 1.5])
def test_times_that_are_refused(workspace: Workspace, seconds: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        create(workspace, seconds=seconds)
    assert list(refused.value.problems) == ["seconds"]


def test_there_are_not_endlessly_many(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "MOST", 2)
    create(workspace, value="1")
    create(workspace, value="2")
    with pytest.raises(Conflict):
        create(workspace, value="3")
    create(workspace, value="2", seconds=60)  # in the place of one that is there


def test_old_ones_are_forgotten(workspace: Workspace) -> None:
    create(workspace, value="old")
    with writing() as session:
        session.execute(update(Block).values(expires_at=now() - timedelta(days=31)))
    create(workspace, value="new")
    with reading() as session:
        assert list(session.scalars(select(Block.value))) == ["new"]


def test_nobody_is_hit_where_no_server_runs(workspace: Workspace) -> None:
    assert blocks.hits(workspace, Subject.USER, "42") == blocks.Hits()
    assert not blocks.hits(workspace, Subject.ADDRESS, "nonsense").only_tests
    assert blocks.create(workspace, "user", "42", 60, **BY).closed is None
