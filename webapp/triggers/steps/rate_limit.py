"""*Rate limit*: at most so many in a window of time, for each client, user, address or channel."""

from collections.abc import Mapping
from typing import Any

from ...core.codes import Code
from ...core.triggers import StepKind
from ..moment import Moment
from .base import PASSED, Action, Field, Result, State, StepType, Widget

PER = (
    ("client", "Each client"),
    ("user", "Each user (each client, where it is anonymous)"),
    ("address", "Each network address"),
    ("channel", "Each channel"),
)


class RateLimit(StepType):
    kind = StepKind.RATE_LIMIT
    label = "Rate limit"
    help = (
        "Blocks what comes too often, with the code `rate_limited`. Clients, users and addresses are counted in all "
        "channels of the rule together. What is blocked does not count."
    )
    fields = (
        Field("limit", "At most", Widget.NUMBER, default=5, least=1, most=1_000_000),
        Field("seconds", "In seconds", Widget.NUMBER, default=60, least=1, most=86_400),
        Field("per", "For", Widget.CHOICE, default="user", choices=PER),
        Field("message", "Message", help="What the client is told. Empty: to wait a moment.", most=500),
    )

    def summary(self, values: Mapping[str, Any]) -> str:
        return f"at most {values.get('limit', 5)} in {values.get('seconds', 60)} s for each {values.get('per', 'user')}"

    def compile(self, values: Mapping[str, Any]) -> Action:
        limit, seconds, per, told = values["limit"], values["seconds"], values["per"], values["message"]
        kind = f"{limit}/{seconds}/{per}"

        def act(moment: Moment) -> Result:
            wait = moment.host.within_rate(f"{moment.trigger}\n{kind}\n{_whom(per, moment)}", limit, seconds)
            if not wait:
                return PASSED
            note = f"More than {limit} in {seconds} s for this {per}; the next may come in {wait:.1f} s."
            return Result(State.BLOCKED, note, told=told, code=Code.RATE_LIMITED)

        return act


def _whom(per: str, moment: Moment) -> str:
    occasion = moment.occasion
    if per == "channel":
        return occasion.channel
    client = occasion.client
    if client is None:
        return ""  # the server counts as one
    if per == "address":
        return client.address
    return f"u:{client.user_id}" if per == "user" and client.user_id is not None else f"c:{client.socket_id}"
