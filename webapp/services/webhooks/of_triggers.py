"""Webhooks that stand for the addresses which steps of triggers name, so that each has a secret and a status."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...core.ruleset import RuleSet
from ...core.triggers import StepKind
from ...models import Action, RuleSetVersion, Source, Webhook, Workspace
from ...triggers.webhooks import url_problem
from .. import audit, compiled
from .checking import Spec
from .rows import new_row, noted


def add_those_of_triggers(
    session: Session,
    workspace_id: int,
    rules: RuleSet,
    *,
    author: str,
    source: Source | str,
    address: str | None = None,
) -> None:
    """Make a webhook for every address that these rules name and that has none, in the caller's transaction."""
    wanted = list(dict.fromkeys(urls_of(rules)))
    if not wanted:
        return
    known = set(session.scalars(select(Webhook.url).where(Webhook.workspace_id == workspace_id)))
    for url in wanted:
        if url in known:
            continue
        row = new_row(workspace_id, Spec(name=_name_of(url), url=url), author, of_triggers=True)
        session.add(row)
        audit.record(
            session,
            Action.WEBHOOK_CREATE,
            actor=author,
            source=source,
            workspace_id=workspace_id,
            after=noted(row) | {"of_triggers": True},
            address=address,
        )


def urls_in_force(session: Session, workspace_id: int) -> set[str]:
    """The addresses that the triggers in force name."""
    version = session.scalar(
        select(RuleSetVersion)
        .join(Workspace, Workspace.active_version_id == RuleSetVersion.id)
        .where(Workspace.id == workspace_id)
    )
    return set(urls_of(compiled.rule_set(version)))


def urls_of(rules: RuleSet) -> Iterator[str]:
    """The addresses that steps of triggers name, as far as they are ones."""
    for rule in rules.rules:
        for trigger in rule.triggers:
            for step in trigger.steps:
                url = step.values.get("url") if step.kind is StepKind.WEBHOOK else None
                if isinstance(url, str) and url_problem(url) is None:
                    yield url


def _name_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname or ''}{parts.path}"[:100]
