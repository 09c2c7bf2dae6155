"""*Publish*: a message of the server to a channel, a client or a user, made from the event."""

from collections.abc import Iterator, Mapping
from typing import Any

from ...core.problems import Problem
from ...core.targets import channel_problem
from ...core.triggers import StepKind
from .. import templates
from ..moment import Moment, StepFailed
from .base import PASSED, Action, Field, Result, StepType, Widget


class Publish(StepType):
    kind = StepKind.PUBLISH
    label = "Publish"
    help = "Sends an event of the server. It sets off no trigger, so that nothing goes round in circles."
    fields = (
        Field(
            "to",
            "To",
            Widget.CHOICE,
            default="channel",
            choices=(("channel", "Everyone in a channel"), ("client", "One client"), ("user", "One user's clients")),
        ),
        Field("channel", "Channel", default="{{ event.channel }}", required=True, most=500),
        Field("client", "socketId", default="{{ event.client.socketId }}", required=True, when=("to", "client")),
        Field("user", "User id", default="{{ event.client.userId }}", required=True, when=("to", "user")),
        Field("event", "Event name", most=100),
        Field(
            "data",
            "Data",
            Widget.JSON,
            help='JSON; places such as `"{{ event.payload }}"`, in quotes, are filled.',
            default={},
        ),
    )

    def summary(self, values: Mapping[str, Any]) -> str:
        to, channel = values.get("to", "channel"), values.get("channel", "{{ event.channel }}")
        return f"an event to `{channel}`" if to == "channel" else f"an event to one {to} in `{channel}`"

    def check(self, values: Mapping[str, Any]) -> Iterator[Problem]:
        for name in ("channel", "client", "user", "event", "data"):
            problem = templates.problem(values[name])
            if problem is not None:
                yield Problem(name, problem)

    def compile(self, values: Mapping[str, Any]) -> Action:
        to = values["to"]

        def act(moment: Moment) -> Result:
            channel = templates.filled(values["channel"], moment)
            problem = channel_problem(channel)
            if problem is not None:
                raise StepFailed(f"It would publish to a channel that can't be: {problem}")
            whom = templates.filled(values[to], moment) if to != "channel" else None
            if whom == "":
                return Result(note=f"There is no {to} to send it to.")
            moment.host.publish(
                channel,
                templates.filled_json(values["data"], moment),
                event=templates.filled(values["event"], moment)[:100] or None,
                socket_id=whom if to == "client" else None,
                user=whom if to == "user" else None,
            )
            return PASSED

        return act
