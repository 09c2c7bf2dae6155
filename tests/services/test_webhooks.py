"""Webhooks as they are kept: on both databases, encrypted, audited, made for triggers, and their deliveries let go."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, insert, select, update

from webapp.core.documents import parse_document
from webapp.core.webhooks import WebhookEvent
from webapp.extensions import db
from webapp.models import DeliveryState, Webhook, WebhookDelivery, Workspace, now
from webapp.realtime.events import Kind, Message
from webapp.realtime.history import StoreRejected
from webapp.realtime.hooks import Delivery
from webapp.services import audit, live, rules, webhooks, workspaces
from webapp.services.errors import Conflict, InvalidInput, NotFound
from webapp.services.history import DatabaseStore, delivery_rows
from webapp.services.transactions import reading, writing
from webapp.services.webhooks import Spec, deliveries, kept

from .making import BY

URL = "https://hooks.example.com/a"


def create(workspace: Workspace, **fields: Any) -> Webhook:
    given: dict[str, Any] = {"name": "Hook", "url": URL, "events": ("message",)}
    return webhooks.create(workspace, Spec(**given | fields), **BY)


def with_step(url: str, **step: Any) -> dict[str, Any]:
    steps = [{"type": "webhook", "url": url, **step}]
    return {"channels": [{"pattern": "a", "triggers": [{"name": "T", "steps": steps}]}]}


def publish(workspace: Workspace, document: dict[str, Any]) -> None:
    rules.publish(workspace, parse_document(document).rules, **BY)


def put(workspace: Workspace, row: Webhook, number: int, **fields: Any) -> None:
    made = [Delivery(workspace.id, row.id, f"msg_{n}", "message", b"{}") for n in range(number)]
    with writing() as session:
        session.execute(insert(WebhookDelivery), [each | fields for each in delivery_rows(made)])


def count(**fields: Any) -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(WebhookDelivery).filter_by(**fields)) or 0


def test_what_is_kept_reaches_the_server(workspace: Workspace) -> None:
    before = workspaces.by_id(workspace.id).generation
    row = create(workspace, channels=("chat/*", "a"), condition=" event.client ", events=("join", "message"))
    assert workspaces.by_id(workspace.id).generation == before + 1
    assert row.events == ["message", "join"]  # in their order
    assert "whsec_" not in row.secret
    (hook,) = live.load_config(workspace.id).hooks.all
    assert (hook.id, hook.url, hook.condition, hook.secret) == (row.id, URL, "event.client", webhooks.secret_of(row))
    assert hook.events == {WebhookEvent.MESSAGE, WebhookEvent.JOIN}
    assert [str(target) for target in hook.channels] == ["chat/*", "a"]
    hooks = live.load_config(workspace.id).hooks
    assert hooks.listens
    assert [len(hooks.of(WebhookEvent.MESSAGE, channel)) for channel in ("chat/x", "chat", "a", "a/b")] == [1, 0, 1, 0]
    assert hooks.of(WebhookEvent.LEAVE, "a") == ()
    webhooks.set_active(workspace, row.id, False, **BY)
    hooks = live.load_config(workspace.id).hooks
    assert not hooks.listens
    assert hooks.of(WebhookEvent.MESSAGE, "a") == ()
    (entry,) = audit.entries(workspace.id, action="webhook:create")
    assert "whsec_" not in str(entry.after)


def test_a_change_that_changes_nothing_is_none(workspace: Workspace) -> None:
    row = create(workspace)
    webhooks.update(workspace, row.id, Spec("Hook", URL, ("message",)), **BY)
    assert audit.entries(workspace.id, action="webhook:update") == []
    webhooks.update(workspace, row.id, Spec("Hook", URL + "b", ("message",)), **BY)
    (entry,) = audit.entries(workspace.id, action="webhook:update")
    assert (entry.before["url"], entry.after["url"]) == (URL, URL + "b")


def test_every_problem_at_its_field(workspace: Workspace) -> None:
    with pytest.raises(InvalidInput) as caught:
        create(workspace, name="", url="x", events=(), channels=("a*",), condition=")", alerts={"denials": "many"})
    assert set(caught.value.problems) == {"name", "url", "events", "channels", "condition", "alerts.denials"}
    assert webhooks.list_all(workspace) == []


def test_both_secrets_sign_for_a_day_after_a_rotation(workspace: Workspace) -> None:
    row = create(workspace)
    old = webhooks.secret_of(row)
    new = webhooks.secret_of(webhooks.rotate(workspace, row.id, **BY))
    (hook,) = live.load_config(workspace.id).hooks.all
    moment = now().timestamp()
    assert hook.secrets(moment) == (new, old)
    assert hook.secrets(moment + 86_000) == (new, old)
    assert hook.secrets(moment + 86_401) == (new,)


def test_there_are_not_more_than_so_many(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 2)
    create(workspace)
    create(workspace)
    with pytest.raises(Conflict):
        create(workspace)


def test_publishing_makes_one_for_every_address_of_triggers(workspace: Workspace) -> None:
    create(workspace, url="https://known.example/")
    publish(workspace, with_step("https://known.example/"))
    assert len(webhooks.list_all(workspace)) == 1
    publish(workspace, with_step("https://new.example/moderate"))
    made = webhooks.list_all(workspace)[-1]
    assert (made.url, made.name, made.of_triggers, made.events) == (
        "https://new.example/moderate", "new.example/moderate", True, [],
    )  # fmt: skip
    publish(workspace, with_step("https://new.example/moderate", when="after"))
    assert len(webhooks.list_all(workspace)) == 2
    for refused in (
        lambda: webhooks.delete(workspace, made.id, **BY),
        lambda: webhooks.update(workspace, made.id, Spec("M", "https://other.example/"), **BY),
    ):
        with pytest.raises(Conflict, match="trigger"):
            refused()
    webhooks.update(workspace, made.id, Spec("Moderation", made.url), **BY)
    publish(workspace, {"channels": []})
    webhooks.delete(workspace, made.id, **BY)
    assert len(webhooks.list_all(workspace)) == 1


def test_a_publication_that_is_refused_makes_none(workspace: Workspace) -> None:
    parsed = parse_document(with_step("https://new.example/")).rules
    with pytest.raises(Conflict):
        rules.publish(workspace, parsed, expected_version=7, **BY)
    assert webhooks.list_all(workspace) == []


def test_deliveries_are_stored_with_the_message_or_not_at_all(workspace: Workspace) -> None:
    store, row = DatabaseStore(db.engine), create(workspace)
    message = Message(17, "a", Kind.PUBLIC, b"1")
    made = [Delivery(workspace.id, row.id, f"msg_{n}", "message", b'{"a":1}') for n in range(3)]
    store.append([(workspace.id, message)], (), made)
    assert (store.last_id(), count(state="pending")) == (17, 3)
    with pytest.raises(StoreRejected):
        store.append([(workspace.id, message)], (), [Delivery(workspace.id, row.id, "msg_9", "message", b"{}")])
    assert count() == 3
    store.take_back(made[:1])
    assert count() == 2
    store.append((), (), made[:1])  # a message that is not kept
    assert (store.last_id(), count()) == (17, 3)
    store.append((), (), [Delivery(workspace.id, 999, "msg_x", "message", b"{}")])  # deleted a moment ago


def test_pages_of_deliveries(workspace: Workspace) -> None:
    row, other = create(workspace), create(workspace)
    put(workspace, row, 5)
    put(workspace, other, 1)
    put(workspace, row, 2, state="failed", next_at=None, finished_at=now())
    first = webhooks.page(workspace, row.id, limit=4)
    assert [each.state for each in first.rows] == ["failed", "failed", "pending", "pending"]
    rest = webhooks.page(workspace, row.id, limit=4, before=first.older)
    assert (len(rest.rows), rest.older) == (3, None)
    assert len(webhooks.page(workspace, row.id, state=DeliveryState.FAILED).rows) == 2
    assert webhooks.summaries([row, other])[row.id].states == {"pending": 5, "failed": 2}
    second = workspaces.create("second", "Second", **BY)
    assert webhooks.page(second, row.id).rows == []
    with pytest.raises(NotFound):
        webhooks.find(second, first.rows[0].id)
    with pytest.raises(NotFound):
        webhooks.resend(second, first.rows[0].id, **BY)


def test_sending_again_begins_anew(workspace: Workspace) -> None:
    row = create(workspace)
    put(workspace, row, 1, state="failed", attempts=11, next_at=None, finished_at=now(), conditional=True)
    (failed,) = webhooks.page(workspace, row.id).rows
    again = webhooks.resend(workspace, failed.id, **BY)
    assert (again.key, again.state, again.attempts, again.conditional) == (failed.key, "pending", 0, False)
    assert again.next_at is not None
    webhooks.set_active(workspace, row.id, False, **BY)
    with pytest.raises(Conflict, match="switched off"):
        webhooks.resend(workspace, failed.id, **BY)
    with pytest.raises(Conflict, match="switched off"):
        webhooks.send_test(workspace, row.id, **BY)


def test_deleting_takes_the_deliveries_too(workspace: Workspace) -> None:
    row, other = create(workspace), create(workspace)
    put(workspace, row, 3)
    put(workspace, row, 700, state="delivered", next_at=None, finished_at=now())
    put(workspace, other, 1)
    assert webhooks.delete(workspace, row.id, **BY) == 3
    assert count() == 1


def test_what_is_left_of_one_that_was_deleted_meanwhile_is_let_go(workspace: Workspace) -> None:
    row = create(workspace)
    put(workspace, row, 2)
    with writing() as session:
        session.execute(update(WebhookDelivery).values(webhook_id=row.id + 7))
    put(workspace, row, 1)
    assert deliveries.clear_all_orphans() == 2
    assert count(webhook_id=row.id) == 1


def test_what_is_old_or_too_much_is_let_go(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "KEPT_MOST", 10)
    row, off = create(workspace), create(workspace)
    moment = now()
    put(workspace, row, 2)
    put(workspace, row, 3, state="failed", next_at=None, finished_at=moment - timedelta(days=8))
    assert deliveries.clean(workspace.id) == 3
    for age in range(20):
        put(workspace, row, 1, state="delivered", next_at=None, finished_at=moment - timedelta(hours=age))
    assert deliveries.clean(workspace.id) == 10
    assert count(state="delivered") == 10
    assert count(state="pending") == 2
    with writing() as session:
        session.execute(update(WebhookDelivery).values(created_at=moment - timedelta(days=30)))
    put(workspace, off, 4, created_at=moment - timedelta(days=8))
    assert deliveries.clean(workspace.id) == 0  # pending are kept, however old
    webhooks.set_active(workspace, off.id, False, **BY)
    assert deliveries.clean(workspace.id) == 4
    assert count(state="pending") == 2


def test_a_workspace_of_others(workspace: Workspace, app: Flask) -> None:
    row, second = create(workspace), workspaces.create("second", "Second", **BY)
    for refused in (
        lambda: webhooks.get(second, row.id),
        lambda: webhooks.update(second, row.id, Spec("x", URL, ("join",)), **BY),
        lambda: webhooks.set_active(second, row.id, False, **BY),
        lambda: webhooks.rotate(second, row.id, **BY),
        lambda: webhooks.send_test(second, row.id, **BY),
        lambda: webhooks.delete(second, row.id, **BY),
    ):
        with pytest.raises(NotFound):
            refused()
    assert webhooks.get(workspace, row.id).is_active
