"""What the page's script asks for: the tokens of test clients, and which connections are theirs.

Tokens travel in answers to posted forms alone: never in an address, a page or a log.
"""

from typing import Any

from flask import Response, jsonify, request

from ...services import testclients
from ...services.errors import Conflict, InvalidInput, ServiceError
from ...services.events import NOT_RUNNING
from ...services.testclients import Identity
from ..access import authorship, current_workspace, needs_developer, role_held, this_session
from ..inspector.blueprint import live
from .blueprint import blueprint
from .forms import TokenForm, Who

IDS_MOST = 50


@blueprint.post("/token")
@needs_developer
def token() -> tuple[Response, int]:
    """Make the token of a test client: 201 with it, 422 or 409 with what is wrong, by field."""
    form = TokenForm()
    if not form.validate_on_submit():
        return _problems({name: " ".join(errors) for name, errors in form.errors.items()}, 422)
    if live() is None:
        return _problems({"": NOT_RUNNING}, 409)
    try:
        made = testclients.mint(
            current_workspace(),
            Identity(form.who.data == Who.ANONYMOUS, form.wanted),
            session_id=this_session().session_id,
            role=role_held(),
            **authorship(),
        )
    except InvalidInput as error:
        return _problems(_beside_fields(error, form), 422)
    except Conflict as error:
        return _problems(error.problems, 409)
    minted = made.minted
    answer = jsonify(
        token=minted.token, jti=minted.jti, user=made.user, expires_at=int(minted.expires_at.timestamp() * 1000)
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer, 201


@blueprint.get("/ids")
@needs_developer
def ids() -> Response:
    """Say which socketId the connections of some test clients have, by the ids of their tokens."""
    asked = set(request.args.getlist("jti")[:IDS_MOST])
    found = live()
    connections: Any = found[1].connections.values() if found is not None and asked else ()
    return jsonify(
        {c.actor.token_id: c.id for c in connections if c.actor.is_test and c.actor.token_id in asked},
    )


def _beside_fields(error: ServiceError, form: TokenForm) -> dict[str, str]:
    """Name the fields of the form; where claims were written, the message says which one is meant."""
    if form.who.data == Who.CLAIMS:
        return {"claims": " ".join(f"{name}: {text}" if name else text for name, text in error.problems.items())}
    names = {"sub": "user", "extras": "extras"}
    return {names.get(name, "user"): text for name, text in error.problems.items()}


def _problems(problems: dict[str, str], status: int) -> tuple[Response, int]:
    return jsonify(problems=problems), status
