"""What somebody tried that they may not do: in the server's log every time, in the audit log once a minute."""

from flask import current_app, g, request
from flask_login import current_user
from limits import parse

from ..extensions import limiter
from ..models import Action, Source
from ..services import audit

AUDITED = parse("1/minute")
"""Entries of one admin and one address of the dashboard: what is tried in a loop fills the server's log alone."""


def note(why: str) -> None:
    """Note that this request was refused. Who is not signed in stands in the server's log only."""
    who = current_user.username if current_user.is_authenticated else "somebody who is not signed in"
    rule = request.url_rule
    # The address of a one-time link is a secret, and it may still be valid.
    path = rule.rule if rule is not None and "token" in rule.arguments else request.path
    current_app.logger.warning("Refused: %s, %s %s from %s: %s", who, request.method, path, request.remote_addr, why)
    if not current_user.is_authenticated or not limiter.limiter.hit(AUDITED, "refused", who, request.endpoint or ""):
        return
    workspace = g.get("workspace")
    audit.write(
        Action.ADMIN_REFUSED,
        actor=who,
        source=Source.WEB,
        workspace_id=workspace.id if workspace is not None else None,
        # Not the address itself: it may name a workspace that those who read this have nothing to do with.
        after={"username": who, "tried": f"{request.method} {request.endpoint}", "why": why},
        address=request.remote_addr,
    )
