"""A write transaction on SQLite never lets another greenlet run: a second writer would freeze the whole loop."""

from collections.abc import Callable, Iterator

import greenlet
import pyotp
import pytest
from flask import Flask, current_app
from sqlalchemy import event

from tests.services.making import BY, rule, rules
from tests.sockets.live import Live
from webapp.cli.group import application
from webapp.config import Settings
from webapp.extensions import db
from webapp.inspector.filters import Filter
from webapp.models import Admin, RoleName, Workspace
from webapp.services import (
    admins,
    apikeys,
    invitations,
    keys,
    recordings,
    ruletests,
    sessions,
    testclients,
    tokens,
    totp,
    webhooks,
    workspaces,
)
from webapp.services import rules as rule_service

PASSWORD = "correct horse battery"
TEST = {"name": "t", "channel": "a", "operation": "join", "identity": {"sub": "bob"}, "allowed": True}
SPEC = ruletests.Spec("t", "b", "join", None, False)


def _signed_in(username: str) -> Admin:
    admin = admins.create(username, PASSWORD, **BY)
    sessions.begin(admin)
    return admin


def _two_steps(username: str) -> None:
    admin = admins.create(username, PASSWORD, **BY)
    totp.begin(admin, PASSWORD)
    enrolment = totp.enrolment(admins.by_username(username))
    assert enrolment is not None
    codes = totp.confirm(admins.by_username(username), pyotp.TOTP(enrolment.secret).now())
    assert totp.check(admins.by_username(username), codes[0]) is totp.Factor.RECOVERY_CODE
    assert totp.check(admins.by_username(username), "000000") is None


def _test_client(workspace: Workspace) -> None:
    admin = _signed_in("ada")
    (loaded,) = sessions.of(admin)
    testclients.mint(workspace, testclients.Identity(), session_id=loaded.id, role=RoleName.OWNER, **BY)
    sessions.end(admin, loaded.id, **BY)


def _invited(workspace: Workspace) -> str:
    return invitations.create(workspace, "viewer", **BY)[1]


def _recorded(workspace: Workspace) -> None:
    live = Live()
    current_app.extensions["tidegate.realtime"] = live.realtime
    bounds = {"mebibytes": 1, "minutes": 1}
    row = recordings.start(workspace, name="r", wanted=Filter(), sees_payloads=True, **bounds, **BY)
    recordings.stop(workspace, row.id, **BY)
    recordings.put_right(recordings.take_stock())
    recordings.delete(workspace, row.id, **BY)


def _hooked(workspace: Workspace) -> None:
    made = webhooks.create(workspace, webhooks.Spec("Hook", "https://hooks.example.com/", ("message",)), **BY)
    webhooks.update(workspace, made.id, webhooks.Spec("Other", made.url, ("join",)), **BY)
    webhooks.rotate(workspace, made.id, **BY)
    webhooks.send_test(workspace, made.id, **BY)
    webhooks.resend(workspace, webhooks.page(workspace, made.id).rows[0].id, **BY)
    webhooks.set_active(workspace, made.id, False, **BY)
    webhooks.delete(workspace, made.id, **BY)


USE_CASES: dict[str, Callable[[Workspace], object]] = {
    "publish": lambda w: rule_service.publish(w, rules("chat"), **BY),
    "save a rule": lambda w: rule_service.change(w, rule_service.saving(rule("chat"), None), **BY),
    "mint": lambda w: tokens.mint(w, **BY),
    "revoke": lambda w: tokens.revoke(w, "x", **BY),
    "add a key": lambda w: keys.add_secret(w, **BY),
    "make an API key": lambda w: apikeys.authenticate(apikeys.create(w, "ci", **BY)[1]),
    "make an admin": lambda w: admins.create("ada", PASSWORD, **BY),
    "use a set-up link": lambda w: admins.redeem_setup_link(admins.setup_link(), "ada", PASSWORD),
    "begin and end sessions": lambda w: sessions.end_all(_signed_in("ada"), **BY),
    "make and end a test client": _test_client,
    "sign in with two steps": lambda w: _two_steps("ada"),
    "accept an invitation": lambda w: invitations.join_as_new(_invited(w), "ada", PASSWORD),
    "make a workspace": lambda w: workspaces.create("other", "Other", **BY),
    "save a rule test": lambda w: ruletests.update(w, ruletests.create(w, **TEST, **BY).id, SPEC, **BY),
    "apply rule tests": lambda w: ruletests.replace_all(w, [SPEC, SPEC], **BY),
    "record": _recorded,
    "make and change a webhook": _hooked,
    "change settings": lambda w: workspaces.update_settings(w, name="New", **BY),
}


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    made = application(settings)
    with made.app_context():
        yield made
        db.engine.dispose()


@pytest.mark.parametrize("use_case", USE_CASES)
def test_nobody_else_runs_during_a_transaction(workspace: Workspace, use_case: str) -> None:
    in_transaction = False
    transactions = 0
    switches: list[str] = []

    def began(connection: object) -> None:
        nonlocal in_transaction, transactions
        in_transaction, transactions = True, transactions + 1

    def ended(connection: object) -> None:
        nonlocal in_transaction
        in_transaction = False

    def switched(what: str, who: object) -> None:
        if in_transaction:
            switches.append(what)

    listeners = (("begin", began), ("commit", ended), ("rollback", ended))
    for name, listener in listeners:
        event.listen(db.engine, name, listener)
    before = greenlet.settrace(switched)
    try:
        USE_CASES[use_case](workspace)
    finally:
        greenlet.settrace(before)
        for name, listener in listeners:
            event.remove(db.engine, name, listener)
    assert transactions > 0
    assert switches == []
