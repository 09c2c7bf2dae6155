"""A stack of steps: each works on what the one before left, and what it comes to is recorded step by step."""

import logging
from time import monotonic

import gevent
import pytest

from tests.triggers.moments import ANN, MOST, TICK, occasion, party, ran, step
from webapp.core.codes import Code
from webapp.core.ruleset import Rule
from webapp.core.targets import Target
from webapp.core.triggers import StepKind, Trigger, TriggerStep
from webapp.triggers import sandbox
from webapp.triggers.hosts import Noting
from webapp.triggers.runs import RunLog
from webapp.triggers.stack import run_triggers
from webapp.triggers.steps.base import State

BROKEN = step("javascript", code="() => { null.x }")
ENDS = step("stop")


def add(number: int) -> TriggerStep:
    return step("javascript", code=f"(event) => ({{ payload: event.payload + {number} }})")


def holds(expression: str, **otherwise: object) -> TriggerStep:
    return step("condition", expression=expression, **otherwise)


def states(record: object) -> list[State]:
    return [made.state for made in record.steps]  # type: ignore[attr-defined]


def test_steps_run_in_order_each_on_what_the_one_before_left() -> None:
    record, left, objection = ran(add(1), step("javascript", code="(e) => ({ payload: e.payload * 10 })"), payload=1)
    assert (left, objection, record.state) == (20, None, State.CHANGED)
    assert states(record) == [State.CHANGED] * 2


def test_a_stack_that_changes_nothing_in_the_end_has_passed() -> None:
    record, left, _ = ran(add(1), add(-1), payload=1)
    assert (left, record.state, states(record)) == (1, State.PASSED, [State.CHANGED] * 2)
    assert ran(payload=1)[0].state is State.PASSED


@pytest.mark.parametrize(
    ("skip", "left", "came"),
    [
        (1, 110, [State.SKIPPED, State.SKIPPED, State.CHANGED, State.CHANGED]),
        (2, 100, [State.SKIPPED, State.SKIPPED, State.SKIPPED, State.CHANGED]),
        (50, 0, [State.SKIPPED] * 4),
    ],
)
def test_a_condition_skips_the_next_steps(skip: int, left: int, came: list[State]) -> None:
    record, payload, objection = ran(holds("false", otherwise="skip", skip=skip), add(1), add(10), add(100), payload=0)
    assert (payload, states(record), objection) == (left, came, None)


def test_a_condition_that_was_skipped_skips_nothing() -> None:
    record, payload, _ = ran(
        holds("false", otherwise="skip"), holds("false", otherwise="skip", skip=5), add(1), payload=0
    )
    assert (payload, record.steps[1].note) == (1, "")


@pytest.mark.parametrize("ends", [ENDS, holds("false", otherwise="stop")])
def test_stopping_lets_pass_what_was_left(ends: TriggerStep) -> None:
    record, payload, objection = ran(add(1), ends, add(10), BROKEN, payload=0)
    assert (payload, objection, record.state) == (1, None, State.CHANGED)
    assert states(record) == [State.CHANGED, State.STOPPED]


def test_a_block_ends_it_with_the_step_and_the_reason() -> None:
    record, _, objection = ran(add(1), holds("false", message="No."), add(10), payload=0)
    assert record.state is State.BLOCKED
    assert record.note == "Step 2, condition: The condition is not true."
    assert objection is not None
    assert (objection.code, objection.trigger, objection.told) == (Code.BLOCKED_BY_TRIGGER, "guard", "No.")
    assert objection.why == f"Trigger `guard`: {record.note}"
    assert len(record.steps) == 2


def test_a_rate_limit_blocks_with_its_own_code() -> None:
    host = Noting("w")
    limit = step("rate_limit", limit=1)
    assert ran(limit, host=host)[2] is None
    assert ran(limit, host=host, name="other")[2] is None, "each trigger counts for itself"
    objection = ran(limit, host=host)[2]
    assert objection is not None
    assert objection.code is Code.RATE_LIMITED


def test_a_failure_blocks_and_clients_do_not_learn_why() -> None:
    record, left, objection = ran(add(1), BROKEN, payload=0)
    assert (record.state, left) == (State.FAILED, 0)
    assert record.note == "Step 2, javascript function: TypeError: cannot read property 'x' of null (line 1)"
    assert objection is not None
    assert (objection.code, objection.told) == (Code.TRIGGER_FAILED, "")


def test_a_failure_that_may_pass_leaves_the_payload_as_it_was() -> None:
    record, left, objection = ran(add(1), BROKEN, add(10), payload=0, on_failure="pass")
    assert (record.state, left, objection) == (State.FAILED, 0, None)
    blocked = ran(holds("false"), on_failure="pass")[2]
    assert blocked is not None, "what is blocked did not fail"


def test_a_payload_that_is_too_large_fails_the_step() -> None:
    grow = step("javascript", code="(event) => ({ payload: 'é'.repeat(event.payload) })")
    record, _, objection = ran(grow, payload=50, most=100)
    assert record.note.endswith("It made a payload of 102 bytes; a message has at most 100.")
    assert objection is not None
    assert objection.code is Code.TRIGGER_FAILED
    assert ran(grow, payload=49, most=100)[1] == "é" * 49


def test_an_error_of_ours_is_a_failure_and_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Noting):
        def log(self, *_: object) -> None:
            raise ZeroDivisionError

    with caplog.at_level(logging.ERROR, "tidegate.triggers"):
        record, _, objection = ran(step("log"), host=Broken("w"), payload="secret words")
    assert record.note == "Step 1, log: Something went wrong on the server; its log says more."
    assert objection is not None
    assert objection.code is Code.TRIGGER_FAILED
    assert caplog.messages == ["step 1 of trigger guard of chat/* failed"]
    assert "secret words" not in caplog.text


def test_who_left_cannot_be_kept() -> None:
    for made in (holds("false"), BROKEN):
        record, _, objection = ran(made, on="leave")
        assert record.state in (State.BLOCKED, State.FAILED)
        assert objection is None


def test_triggers_run_in_order_until_one_objects() -> None:
    names = {"first": (add(1),), "second": (add(10), holds("event.payload < 5")), "third": (add(100),)}
    triggers = [Trigger(name, steps=made) for name, made in names.items()]
    rule = Rule(Target("chat/*", nested=True), triggers=tuple(triggers))
    outcome = run_triggers("w", rule, triggers, occasion(), b"0", Noting("w"), MOST)
    assert [record.trigger for record in outcome.runs] == ["first", "second"]
    assert (outcome.payload, outcome.objection and outcome.objection.trigger) == (b"11", "second")
    outcome = run_triggers("w", rule, triggers, occasion(), b"-20", Noting("w"), MOST)
    assert (outcome.payload, outcome.objection, len(outcome.runs)) == (b"91", None, 3)
    assert run_triggers("w", rule, [], occasion(), b"1", Noting("w"), MOST) == type(outcome)(b"1", None, ())


def test_the_record_of_a_run() -> None:
    record, _, _ = ran(add(1), step("log"), payload=0)
    assert (record.id, record.message, record.workspace, record.target) == (TICK, TICK, "w", "chat/*")
    assert (record.trigger, record.on, record.channel) == ("guard", "message", "chat/a")
    assert (record.socket_id, record.user_id, record.note, record.test) == (ANN.socket_id, "ann", "", False)
    assert [made.kind for made in record.steps] == [StepKind.JAVASCRIPT, StepKind.LOG]
    assert all(made.before is made.after is None and made.took >= 0 for made in record.steps)
    assert record.took >= sum(made.took for made in record.steps) * 0.99
    assert [ran(on=on)[0].message for on in ("message", "event", "join", "leave")] == [TICK, TICK, 0, 0]


def test_a_test_run_keeps_what_every_step_made() -> None:
    record, _, _ = ran(add(1), holds("true"), ENDS, payload=0, is_test=True)
    assert record.test
    assert [(made.before, made.after) for made in record.steps] == [(b"0", b"1"), (b"1", b"1"), (b"1", b"1")]


def test_an_event_of_the_server_has_no_client() -> None:
    trigger = Trigger("guard", steps=(holds("event.client === null"),))
    rule = Rule(Target("chat/*", nested=True), triggers=(trigger,))
    outcome = run_triggers("w", rule, [trigger], occasion("event", client=None), b"1", Noting("w"), MOST)
    assert (outcome.runs[0].socket_id, outcome.runs[0].user_id, outcome.objection) == ("", None, None)
    anonymous = occasion(client=party("bob", anonymous=True))
    assert run_triggers("w", rule, [trigger], anonymous, b"1", Noting("w"), MOST).runs[0].user_id is None


NATIVE = "(event) => { for (let i = 0; i < 3; i++) 10n ** 300000n % (10n ** 149999n + 1n); return { payload: 9 } }"
"""Is inside the engine for a while, where nothing reaches it."""


def test_what_is_given_up_on_in_the_middle_is_the_failure_of_its_step() -> None:
    """Neighbouring steps share a thread, which may come back long after anyone waits for it."""
    script = sandbox.Script.function(NATIVE, 0.02, 16 << 20)
    record, payload, objection = ran(
        holds("true"), add(1), step("javascript", code=NATIVE, milliseconds=20), add(1), payload=1
    )
    assert states(record) == [State.PASSED, State.CHANGED, State.FAILED]
    assert record.note == "Step 3, javascript function: It ran out of time: it may compute for 20 ms."
    assert (payload, record.state) == (1, State.FAILED)
    assert objection is not None
    pool = sandbox._pool()
    at_it = [thread for thread in pool._threads if thread.job is not None and thread.job.script == script]
    assert len(at_it) == 1
    ends = monotonic() + 20
    while at_it[0].job is not None:
        assert monotonic() < ends
        gevent.sleep(0.01)
    assert states(record) == [State.PASSED, State.CHANGED, State.FAILED], "nothing that comes late is added"


def test_neighbouring_steps_go_to_a_thread_together(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, gone = sandbox._pool(), []
    do = pool.do
    monkeypatch.setattr(pool, "do", lambda *given: (gone.append(1), do(*given)))
    limit = step("rate_limit", limit=10, seconds=60)
    record, payload, _ = ran(limit, holds("true"), limit, add(1), step("stop"), payload=1)
    assert (payload, len(gone), record.state) == (2, 1, State.CHANGED)
    gone.clear()
    log = step("log", text="x")
    record, payload, _ = ran(add(1), log, log, add(1), payload=1)
    assert (payload, len(gone)) == (3, 2), "what needs the loop is done there"


def test_the_log_of_runs_is_a_ring_that_counts_on() -> None:
    log = RunLog(3)
    for made in (add(1), BROKEN, holds("false"), add(0), add(2)):
        log.add(ran(made, payload=1)[0])
    assert [record.state for record in log.of("w")] == [State.CHANGED, State.PASSED, State.BLOCKED]
    assert log.counts("w") == {State.CHANGED: 2, State.FAILED: 1, State.BLOCKED: 1, State.PASSED: 1}
    assert (log.of("other"), log.counts("other"), log.find("other", TICK)) == ([], {}, None)
    found = log.find("w", TICK)
    assert found is not None
    assert found.state is State.BLOCKED
