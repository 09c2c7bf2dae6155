"""*Webhook*: before the message goes on its answer may block or replace; afterwards it is delivered without waiting."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ...core.problems import Problem
from ...core.triggers import StepKind
from ..moment import Answer, Json, Moment, StepFailed
from ..webhooks import body_of, url_problem
from .base import PASSED, Action, Field, Result, State, StepType, Widget


class WebhookStep(StepType):
    kind = StepKind.WEBHOOK
    label = "Webhook"
    help = (
        "Posts the event, signed as Standard Webhooks say. *Before*: waits for the answer; `false` or "
        '`{"allow": false, "message": …}` blocks, `{"payload": …}` replaces the payload, any other JSON, or '
        "nothing, lets it pass. *After*: delivered without waiting, and again until it is taken."
    )
    fields = (
        Field(
            "url",
            "Address",
            help="Private addresses and `http://` need `TIDEGATE_ALLOW_PRIVATE_ADDRESSES=on` on the server.",
            required=True,
            most=1000,
            placeholder="https://hooks.example.com/moderate",
        ),
        Field(
            "when",
            "When",
            Widget.CHOICE,
            default="before",
            choices=(("before", "Before: wait for its answer"), ("after", "After: deliver it, and go on")),
        ),
        Field(
            "seconds",
            "Wait at most",
            Widget.NUMBER,
            help="Seconds. Only the sender's next messages wait meanwhile.",
            default=3.0,
            least=0.1,
            most=30,
            when=("when", "before"),
        ),
    )

    def summary(self, values: Mapping[str, Any]) -> str:
        how = "delivered later" if values.get("when") == "after" else "waits for its answer"
        return f"`{values.get('url', '')}`, {how}"

    def check(self, values: Mapping[str, Any]) -> Iterator[Problem]:
        problem = url_problem(values["url"])
        if problem is not None:
            yield Problem("url", problem)

    def compile(self, values: Mapping[str, Any]) -> Action:
        url = values["url"]

        def after(moment: Moment) -> Result:
            moment.host.tell(moment.notice(url))
            return PASSED

        if values["when"] == "after":
            return after
        seconds = float(values["seconds"])

        def before(moment: Moment) -> Result:
            return _answered(moment.host.ask(url, _body(moment), seconds))

        return before


def _body(moment: Moment) -> Json:
    return body_of(moment.occasion.on.value, moment.occasion.id // 10_000, moment.text.encode())


def _answered(answer: Answer) -> Result:
    if not 200 <= answer.status < 300:
        raise StepFailed(f"It answered with status {answer.status}.")
    if not answer.body.strip():
        return PASSED
    try:
        said = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, RecursionError):
        raise StepFailed("Its answer is not JSON.") from None
    if said is False:
        return Result(State.BLOCKED, "It answered false.")
    if not isinstance(said, dict):
        return PASSED
    if said.get("allow") is False:
        told = said.get("message")
        told = told[:500] if isinstance(told, str) else ""
        return Result(State.BLOCKED, "Its answer does not allow it.", told=told)
    if "payload" in said:
        return Result(State.CHANGED, payload=msgspec.json.encode(said["payload"]))
    return PASSED
