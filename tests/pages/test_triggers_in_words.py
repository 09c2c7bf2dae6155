"""What differs between triggers is said in short sentences: in drafts, versions, imports and the audit log."""

import json
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.core.triggers import OnFailure, StepKind, Trigger, TriggerEvent, TriggerStep
from webapp.web.triggerwords import trigger_changes, triggers_named

from .conftest import Office

STOP = TriggerStep(StepKind.STOP)
LOG = TriggerStep.of(StepKind.LOG, {"text": "a"})
OTHER = TriggerStep.of(StepKind.LOG, {"text": "b"})
A = Trigger("a", steps=(LOG, STOP))
B = Trigger("b")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ((A,), (A,), []),
        ((), (A,), ["`a` added: 2 steps"]),
        ((A, B), (B,), ["`a` removed"]),
        ((A, B), (B, A), ["run in another order"]),
        ((A,), (Trigger("a", steps=(OTHER, STOP)),), ["`a` changed: step 1 changed"]),
        ((A,), (Trigger("a", steps=(STOP, LOG)),), ["`a` changed: steps in another order"]),
        ((A,), (Trigger("a", steps=(LOG, OTHER, STOP)),), ["`a` changed: 1 step new"]),
        ((A,), (Trigger("a", steps=(STOP,)),), ["`a` changed: step 1 gone"]),
        ((A,), (Trigger("a", steps=(LOG, STOP), enabled=False),), ["`a` changed: switched off"]),
        (
            (A,),
            (Trigger("a", frozenset({TriggerEvent.JOIN}), (LOG, STOP), on_failure=OnFailure.PASS),),
            ["`a` changed: runs on other events, lets pass if it fails"],
        ),
        ((), (Trigger("`x`" * 30),), ["`" + "'x'" * 20 + "…` added: 0 steps"]),
    ],
)
def test_sentences(before: tuple[Trigger, ...], after: tuple[Trigger, ...], said: list[str]) -> None:
    assert trigger_changes(before, after) == said


def test_a_document_that_holds_no_triggers() -> None:
    assert [triggers_named(value) for value in (None, [], 3, [{"name": 1}])] == ["none"] * 4


def document(*steps: dict[str, object], **more: object) -> dict[str, object]:
    return {"pattern": "chat", "triggers": [{"name": "<b>calm", "steps": list(steps), **more}]}


LIMIT: dict[str, object] = {"type": "rate_limit", "limit": 5}


def test_on_the_pages(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    office.publish(document(LIMIT, {"type": "stop"}))
    office.draft(document(LIMIT | {"limit": 6}, {"type": "stop"}))
    client = signed_in()
    sentence = "<code>&lt;b&gt;calm</code> changed: step 1 changed"
    assert sentence in client.get("/w/default/draft").text
    office.publish(document(LIMIT | {"limit": 6}))

    assert "<code>&lt;b&gt;calm</code> changed" in client.get("/w/default/versions/2").text
    table = client.get("/w/default/channels").text
    assert 'title="1 trigger: &lt;b&gt;calm"' in table
    imported = client.post(
        "/w/default/rules/import",
        data={"csrf_token": client.token, "document": json.dumps({"channels": [document()]})},  # type: ignore[attr-defined]
    ).text
    assert "<code>&lt;b&gt;calm</code> changed: " in imported


def test_in_the_audit_log(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    from webapp.core.documents import parse_document
    from webapp.core.targets import Target
    from webapp.services import rules

    office.publish(document(LIMIT))
    with office.app.app_context():
        new = parse_document({"channels": [document(LIMIT | {"limit": 6})]}).rules.rules[0]
        rules.change(office.workspace, rules.saving(new, Target("chat")), author="ada", source="web")
    page = signed_in().get("/w/default/audit").text
    assert "`&lt;b&gt;calm` changed: step 1 changed" in page
    assert "rate_limit" not in page


def test_an_import_whose_steps_have_problems_is_refused(signed_in: Callable[..., FlaskClient], office: Office) -> None:
    client = signed_in()
    wrong = document(LIMIT | {"limit": "many", "surprise": 1}, {"type": "webhook"})
    for text in (json.dumps({"channels": [wrong]}), "channels: " + json.dumps([wrong])):
        answer = client.post("/w/default/rules/import", data={"csrf_token": client.token, "document": text})  # type: ignore[attr-defined]
        assert answer.status_code == 422
        for path in ("triggers[0].steps[0].limit", "triggers[0].steps[0].surprise", "triggers[0].steps[1].url"):
            assert f"channels[0].{path}" in answer.text
    assert office.version() == 0


def test_a_field_of_a_trigger_that_nobody_knows(signed_in: Callable[..., FlaskClient]) -> None:
    client = signed_in()
    text = json.dumps({"channels": [document(LIMIT, colour="red")]})
    answer = client.post("/w/default/rules/import", data={"csrf_token": client.token, "document": text})  # type: ignore[attr-defined]
    assert answer.status_code == 200
    assert "channels[0].triggers[0].colour" in answer.text
