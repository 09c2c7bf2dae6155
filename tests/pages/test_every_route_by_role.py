"""Every route by who asks: what each role gets, as one table in full.

A route that is missing here fails the test: add its line. A line says the statuses for nobody, viewer, developer,
editor, owner, and the owner of another workspace, in this order; `looks`, `develops`, `edits` and `owns` write the
usual ones.
"""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer

from webapp.extensions import limiter
from webapp.models import RoleName
from webapp.services import admins, sessions, workspaces
from webapp.web.access import SIGN_IN

from .conftest import PASSWORD, Office

ASKERS = ("nobody", "viewer", "developer", "editor", "owner", "stranger")
Statuses = tuple[int, int, int, int, int, int]


def looks(done: int = 200) -> Statuses:
    """Open to every role of the workspace."""
    return (303, done, done, done, done, 404)


def develops(done: int) -> Statuses:
    return (303, 403, done, done, done, 404)


def edits(done: int) -> Statuses:
    return (303, 403, 403, done, done, 404)


def owns(done: int) -> Statuses:
    return (303, 403, 403, 403, done, 404)


def signed_in(done: int) -> Statuses:
    """Open to whoever is signed in, whatever the role."""
    return (303, *[done] * 5)  # type: ignore[return-value]


def all_alike(status: int) -> Statuses:
    """Cookies count for nothing."""
    return (status,) * 6


RULE = "?target=chat/*&nested=1"
# The method and the endpoint: the statuses, or, where the plain address will not do, those and what comes after it.
# All forms are empty: whatever is not 403 or 404 says that the role was not what was wrong.
TABLE: dict[str, Statuses | tuple[Statuses, str]] = {
    # Before the sign-in
    "GET auth.home": (302,) * 6,
    "GET auth.no_workspace": signed_in(200),
    "GET auth.setup": all_alike(404),
    "POST auth.setup": all_alike(404),
    "GET auth.sign_in": (200, *[303] * 5),  # type: ignore[dict-item]
    "POST auth.sign_in": (422, *[303] * 5),  # type: ignore[dict-item]
    "GET auth.code": all_alike(303),
    "POST auth.code": all_alike(303),
    "GET auth.join": all_alike(404),
    "POST auth.join": all_alike(404),
    "POST auth.sign_out": signed_in(303),
    # One's own account
    "GET account.page": signed_in(200),
    "GET account.two_step": signed_in(200),
    "POST account.end_one": signed_in(303),
    "POST account.end_others": signed_in(303),
    "POST account.password": signed_in(422),
    "POST account.begin": signed_in(422),
    "POST account.confirm": signed_in(422),
    "POST account.new_codes": signed_in(422),
    "POST account.off": signed_in(422),
    # The workspace
    "GET workspaces.new": (303, 403, 403, 403, 200, 200),
    "POST workspaces.new": (303, 403, 403, 403, 422, 422),
    "GET overview.page": looks(),
    "GET overview.series": looks(),
    "GET channels.page": looks(),
    "GET channels.new": edits(200),
    "POST channels.new": edits(422),
    "GET channels.edit": (edits(200), RULE),
    "POST channels.edit": (edits(422), RULE),
    "GET channels.delete": (edits(200), RULE),
    "POST channels.delete": (edits(404), "?target=nothing"),
    "POST channels.status": (edits(303), RULE),
    "GET channels.live": looks(),
    "GET channels.foreseen": (looks(), RULE + "&becomes=gone"),
    "GET channels.switch": (edits(200), RULE),
    "POST channels.switch": (edits(422), RULE),
    "POST channels.take_back": (edits(303), RULE),
    "POST channels.look": (edits(200), RULE),
    "POST channels.is_open": (edits(200), RULE),
    "GET stacks.new": (edits(200), RULE),
    "POST stacks.new": (edits(422), RULE),
    "GET stacks.edit": (edits(303), RULE),
    "POST stacks.edit": (edits(422), RULE),
    "POST stacks.arrange": (edits(303), RULE),
    "GET runs.page": looks(),
    "GET bench.page": looks(),
    "POST bench.token": develops(422),
    "GET bench.ids": develops(200),
    "POST bench.send": develops(422),
    "GET drafts.page": looks(),
    "GET drafts.bar": looks(),
    "GET drafts.preview_part": looks(),
    "POST drafts.publish": edits(422),
    "POST drafts.discard": edits(422),
    "POST drafts.take_back": edits(409),
    "POST drafts.update": edits(409),
    "GET inspector.recordings": looks(),
    "POST inspector.start_recording": develops(422),
    "GET inspector.recording_row": looks(404),
    "POST inspector.stop_recording": develops(404),
    "POST inspector.delete_recording": develops(404),
    "GET inspector.download_recording": develops(404),
    "GET inspector.open_recording": develops(404),
    "GET inspector.open_file": develops(200),
    "POST inspector.lines_of_file": develops(200),
    "POST inspector.look_at_line": develops(422),
    "GET versions.page": looks(),
    "GET versions.show": looks(404),
    "GET versions.roll_back": edits(404),
    "POST versions.roll_back": edits(404),
    "GET versions.preview_part": looks(404),
    "POST versions.take_into_draft": edits(404),
    "GET transfer.export": looks(),
    "GET transfer.take_in": edits(200),
    "POST transfer.take_in": edits(422),
    "GET ruletests.page": looks(),
    "GET ruletests.export": looks(),
    "GET ruletests.new": edits(200),
    "POST ruletests.new": edits(422),
    "GET ruletests.edit": looks(404),
    "POST ruletests.change": edits(404),
    "POST ruletests.delete": edits(404),
    "POST ruletests.preview": edits(200),
    "GET inspector.page": looks(),
    "GET inspector.filter_part": looks(),
    "GET inspector.look": looks(),
    "GET inspector.stream": looks(426),
    "GET inspector.not_a_stream": looks(426),
    "GET inspector.try_traffic": looks(),
    "GET inspector.edit_and_resend": develops(404),
    "POST inspector.send_edited": develops(404),
    "POST inspector.resend": develops(404),
    "GET explain.page": looks(),
    "GET explain.clients": looks(),
    "POST explain.pasted": looks(),
    "GET tokens.page": looks(),
    "POST tokens.inspect": looks(422),
    "POST tokens.mint": edits(200),
    "POST tokens.revoke": edits(422),
    "GET tokens.signing_keys": looks(),
    "POST tokens.add_signing_key": owns(303),
    "POST tokens.activate_key": owns(404),
    "POST tokens.deactivate_key": owns(404),
    "POST tokens.fetch_key": owns(404),
    "POST tokens.reveal_key": owns(404),
    "GET tokens.api_keys": looks(),
    "POST tokens.create_key": edits(422),
    "POST tokens.revoke_key": edits(404),
    "GET webhooks.page": looks(),
    "GET webhooks.new": edits(200),
    "POST webhooks.new": edits(422),
    "GET webhooks.show": looks(404),
    "POST webhooks.change": edits(404),
    "POST webhooks.switch": edits(404),
    "POST webhooks.rotate": edits(404),
    "POST webhooks.send_test": edits(404),
    "POST webhooks.delete": edits(404),
    "GET webhooks.deliveries": looks(404),
    "GET webhooks.delivery": edits(404),
    "POST webhooks.resend": edits(404),
    "GET people.page": looks(),
    "POST people.role": owns(404),
    "POST people.remove": owns(404),
    "POST people.end_session": owns(404),
    "POST people.end_sessions": owns(404),
    "POST people.invite": owns(422),
    "POST people.revoke": owns(303),
    "GET audit.page": looks(),
    "GET audit.export": looks(),
    "GET inspector.side": looks(),
    "GET inspector.hits": develops(200),
    "POST inspector.kick": develops(303),
    "POST inspector.take_out": develops(303),
    "POST inspector.block": develops(303),
    "POST inspector.end_block": develops(404),
    "GET inspector.capture": looks(),
    "POST inspector.start_capture": owns(303),
    "POST inspector.stop_capture": owns(303),
    "GET settings.page": looks(),
    "POST settings.switches": edits(303),
    "POST settings.workspace": owns(422),
    "POST settings.capture": owns(422),
    # What programs talk to
    "GET static": all_alike(200),
    "GET health.healthz": all_alike(200),
    "GET health.readyz": all_alike(503),
    "GET metrics.metrics": all_alike(503),
    "GET connect": all_alike(426),
    "GET connect_without_canonical": all_alike(426),
    "GET connect_phoenix": all_alike(426),
    "POST broadcast.several": all_alike(400),
    "POST broadcast.one": all_alike(400),
    "GET not_a_socket": all_alike(426),
    "GET api.openapi_document": all_alike(200),
    "GET api.list_rule_tests": all_alike(401),
    "POST api.save_rule_test": all_alike(401),
    "POST api.run_rule_tests": all_alike(401),
    "DELETE api.delete_rule_test": all_alike(401),
    "POST api.simulate": all_alike(401),
    "POST api.publish_event": all_alike(401),
    "GET api.read_history": all_alike(401),
    "DELETE api.delete_message": all_alike(401),
    "GET api.list_clients": all_alike(401),
    "DELETE api.kick_client": all_alike(401),
    "GET api.list_blocks": all_alike(401),
    "POST api.block": all_alike(401),
    "DELETE api.end_block": all_alike(401),
    "GET api.list_channels": all_alike(401),
    "GET api.list_members": all_alike(401),
    "POST api.put_in": all_alike(401),
    "DELETE api.take_out": all_alike(401),
    "GET api.list_refusals": all_alike(401),
    "GET api.explain_refusal": all_alike(401),
    "GET api.read_rules": all_alike(401),
    "PUT api.replace_rules": all_alike(401),
    "POST api.mint_token": all_alike(401),
    "POST api.inspect_token": all_alike(401),
    "DELETE api.revoke_token": all_alike(401),
    "GET api.list_webhooks": all_alike(401),
    "POST api.create_webhook": all_alike(401),
    "PATCH api.change_webhook": all_alike(401),
    "DELETE api.delete_webhook": all_alike(401),
    "POST api.test_webhook": all_alike(401),
    "GET api.list_deliveries": all_alike(401),
    "POST api.resend_delivery": all_alike(401),
}
VALUES = {
    "canonical": "default",
    "filename": "icon.svg",
    "token": "gone",
    "channel": "chat",
    "kind": "csv",
    "ref": "x",
    "jti": "x",
    "socket_id": "x",
}
"""What stands in an address; every number is one that nothing has."""


def routes(app: Flask) -> dict[str, str]:
    """The address of every method and endpoint."""
    return {
        f"{method} {rule.endpoint}": re.sub(r"<(?:[^<>:]+:)?(\w+)>", lambda m: VALUES.get(m[1], "999999"), rule.rule)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    }


def test_every_route_is_in_the_table(app: Flask) -> None:
    assert set(routes(app)) == set(TABLE)


@pytest.mark.parametrize("asker", ASKERS)
def test_each_role_gets_what_the_table_says(app: Flask, office: Office, asker: str) -> None:
    office.publish({"pattern": "chat", "wildcard": True})
    with app.app_context():
        others = workspaces.create("second", "Second", author="t", source="cli")
        where, role = (others, RoleName.OWNER) if asker == "stranger" else (office.workspace, asker)
        if asker != "nobody":
            admins.create("somebody", PASSWORD, role=role, workspace=where, author="t", source="cli")
    wrong = {}
    for route, address in routes(app).items():
        statuses, query = _line(route)
        method = route.split()[0]
        with app.app_context():
            limiter.reset()  # there are more routes than one may call in a minute without a key
        answer = _browser(app, asker).open(address + query, method=method, data=_form(app, method))
        answer.close()
        expected = statuses[ASKERS.index(asker)]
        if answer.status_code != expected:
            wrong[route] = f"{answer.status_code}, not {expected}"
    assert wrong == {}


def test_a_number_that_no_row_has_is_nothing_to_anybody(app: Flask, office: Office) -> None:
    """Larger ones than a database takes ended in an error of the server."""
    with app.app_context():
        admins.create("somebody", PASSWORD, role=RoleName.OWNER, workspace=office.workspace, author="t", source="cli")
    wrong = []
    for route, address in routes(app).items():
        method = route.split()[0]
        if "999999" in address and method in ("GET", "POST") and not route.startswith("POST broadcast."):
            large = address.replace("999999", "9" * 30)
            if _browser(app, "owner").open(large, method=method, data=_form(app, method)).status_code not in (404, 405):
                wrong.append(route)
    assert wrong == []


def _browser(app: Flask, asker: str) -> FlaskClient:
    """A browser of its own for each request, so that none sees what another one did to the session."""
    client = app.test_client()
    with app.app_context(), client.session_transaction() as session:
        session["csrf_token"] = "raw"
        if asker != "nobody":
            session[SIGN_IN] = sessions.begin(admins.by_username("somebody"))
    return client


def _form(app: Flask, method: str) -> dict[str, str] | None:
    if method != "POST":
        return None
    assert app.secret_key is not None
    return {"csrf_token": str(URLSafeTimedSerializer(app.secret_key, salt="wtf-csrf-token").dumps("raw"))}


def _line(route: str) -> tuple[Statuses, str]:
    line = TABLE[route]
    return (line[0], str(line[1])) if isinstance(line[0], tuple) else (line, "")  # type: ignore[return-value]
