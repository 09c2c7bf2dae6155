"""Blocks: keeping a user or a network address out of a workspace for a time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, func, select

from ..models import Action, Block, Source, Workspace, now
from ..realtime.addresses import is_address, normalized
from . import audit
from .errors import Conflict, InvalidInput, NotFound
from .live import refresh, running
from .texts import checked_text
from .transactions import reading, touched, writing

SECONDS_MOST = 7 * 24 * 3600
MOST = 1000
"""Blocks of a workspace that may be in force at a time."""
USER_MOST = 2000
KEPT = timedelta(days=30)
"""How long a block that has ended stays in the table; the audit log keeps it for good."""


class Subject(StrEnum):
    """What a block names."""

    USER = "user"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Hits:
    """Whom a block would disconnect right now. ``tests`` of the ``clients`` are test clients."""

    clients: int = 0
    tests: int = 0

    @property
    def only_tests(self) -> bool:
        """Whether it would hit somebody, and nobody but test clients."""
        return 0 < self.clients == self.tests


@dataclass(frozen=True, slots=True)
class Blocked:
    """A new block, and how many clients it disconnected; None where no server runs in this process."""

    block: Block
    closed: int | None


def create(
    workspace: Workspace,
    subject: Subject | str,
    value: str,
    seconds: int,
    *,
    author: str,
    source: Source | str,
    reason: str = "",
    address: str | None = None,
) -> Blocked:
    """Keep a user or an address out for so many seconds; in force on open connections when this returns.

    A block on the same one that is in force already is replaced.

    Raises:
        InvalidInput: no such subject, a value that names none, a time or a reason that can't be taken.
        Conflict: too many blocks are in force.
    """
    subject, value = checked(subject, value)
    reason = checked_text(reason, "reason")
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 1 <= seconds <= SECONDS_MOST:
        raise InvalidInput({"seconds": f"Expected a whole number of seconds from 1 to {SECONDS_MOST} (seven days)."})
    began = now()
    block = Block(
        workspace_id=workspace.id,
        subject=subject.value,
        value=value,
        reason=reason,
        created_by=author[:200],
        created_at=began,
        expires_at=began + timedelta(seconds=seconds),
    )
    with writing() as session:
        touched(session, workspace.id)
        session.execute(delete(Block).where(Block.workspace_id == workspace.id, Block.expires_at < began - KEPT))
        earlier = session.scalar(_in_force(workspace.id).where(Block.subject == subject.value, Block.value == value))
        if earlier is not None:
            earlier.ended_at = began
        elif (session.scalar(select(func.count()).select_from(_in_force(workspace.id).subquery())) or 0) >= MOST:
            raise Conflict({"": f"{MOST:,} blocks are in force, which is the most there can be. End one first."})
        session.add(block)
        audit.record(
            session,
            Action.BLOCK_CREATE,
            actor=author,
            source=source,
            workspace_id=workspace.id,
            before=_row(earlier) if earlier is not None else None,
            after=_row(block),
            reason=reason,
            address=address,
        )
    report = refresh(workspace.id)
    return Blocked(block, report.closed if report is not None else None)


def end(workspace: Workspace, block_id: int, *, author: str, source: Source | str, address: str | None = None) -> Block:
    """Let a blocked user or address in again.

    Raises:
        NotFound: no such block is in force in this workspace.
    """
    with writing() as session:
        touched(session, workspace.id)
        block: Block | None = session.scalar(_in_force(workspace.id).where(Block.id == block_id))
        if block is None:
            raise NotFound({"block": "No such block is in force: it was ended, or its time is over."})
        block.ended_at = now()
        audit.record(
            session,
            Action.BLOCK_END,
            actor=author,
            source=source,
            workspace_id=workspace.id,
            before=_row(block),
            address=address,
        )
    refresh(workspace.id)
    return block


def in_force(workspace: Workspace) -> list[Block]:
    """List the blocks that keep somebody out now, newest first."""
    with reading() as session:
        return list(session.scalars(_in_force(workspace.id).order_by(Block.id.desc())))


def get(workspace: Workspace, block_id: int) -> Block:
    """Return a block that is in force.

    Raises:
        NotFound: there is no such one.
    """
    with reading() as session:
        block: Block | None = session.scalar(_in_force(workspace.id).where(Block.id == block_id))
    if block is None:
        raise NotFound({"block": "No such block is in force: it was ended, or its time is over."})
    return block


def of_user(workspace: Workspace, user_id: str | None) -> Block | None:
    """Return what keeps a user out now, if anything does: for whoever asks the judge about a user without a client."""
    if user_id is None:
        return None
    mine = _in_force(workspace.id).where(Block.subject == Subject.USER.value, Block.value == user_id)
    with reading() as session:
        found: Block | None = session.scalar(mine.order_by(Block.expires_at.desc()).limit(1))
    return found


def hits(workspace: Workspace, subject: Subject | str, value: str) -> Hits:
    """Count the clients that a block would disconnect now. A value that names nobody hits nobody."""
    realtime = running()
    live = realtime.workspace(workspace.canonical) if realtime is not None else None
    if live is None:
        return Hits()
    if subject == Subject.USER:
        found = list(live.by_user.get(value, ()))
    else:
        wanted = normalized(value.strip())
        found = [connection for connection in live.connections.values() if connection.address == wanted]
    return Hits(len(found), sum(connection.actor.is_test for connection in found))


def checked(subject: Subject | str, value: object) -> tuple[Subject, str]:
    """Return what a block is to name, an address in its one form.

    Raises:
        InvalidInput: no such subject, or nothing of that kind.
    """
    if subject not in tuple(Subject):
        raise InvalidInput({"subject": "Expected `user` or `address`."})
    subject = Subject(subject)
    if not isinstance(value, str):
        raise InvalidInput({subject.value: "Expected a text."})
    if subject is Subject.USER:
        # Exactly as tokens name the user: with surrounding space, too.
        if not value or len(value) > USER_MOST or "\x00" in value or not _is_text(value):
            raise InvalidInput({subject.value: f"A user id has 1 to {USER_MOST:,} characters."})
        return subject, value
    if not is_address(value.strip()):
        raise InvalidInput({subject.value: "This is not a network address, such as `203.0.113.7` or `2001:db8::7`."})
    return subject, normalized(value.strip())


def document(block: Block) -> dict[str, Any]:
    """Write a block as JSON."""
    return {
        "id": block.id,
        block.subject: block.value,
        "reason": block.reason,
        "by": block.created_by,
        "created_at": block.created_at,
        "until": block.expires_at,
    }


def _in_force(workspace_id: int) -> Any:
    return select(Block).where(Block.workspace_id == workspace_id, Block.ended_at.is_(None), Block.expires_at > now())


def _row(block: Block) -> dict[str, str]:
    return {"subject": block.subject, "value": block.value, "until": _second(block.expires_at)}


def _second(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
