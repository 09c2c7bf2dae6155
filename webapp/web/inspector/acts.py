"""What can be done with the record that is selected, as far as the role allows."""

import json
from dataclasses import dataclass

from flask import url_for

from ...core.codes import Code
from ...core.permissions import Operation
from ...inspector.filters import Action, Verdict
from ...inspector.route import Route
from ...inspector.trial import Pair
from ..access import may_edit
from .blueprint import blueprint, live
from .resending import Again, again_of

IDENTITY_MOST = 6000
"""Characters of claims that an address carries; requests with longer lines are refused."""
OF_THE_MOMENT = {
    Code.NOT_JOINED: "It was refused for not being in the channel; a rule test asks about clients that are.",
    Code.TARGET_NOT_PRESENT: "Whether its recipient is there is no matter of the rules, so no test can hold it.",
}


@dataclass(frozen=True, slots=True)
class Acts:
    """Addresses of what can be done, None for what can't; ``no_test`` says why not, where that helps."""

    test: str | None
    no_test: str
    attempt: str | None
    """Trying it with the draft."""
    explain: str | None
    again: Again | None


@blueprint.app_template_global()
def acts_of(route: Route) -> Acts:
    """Say what can be done with a record."""
    test, no_test = _test(route) if may_edit() else (None, "")
    return Acts(test, no_test, _attempt(route), _explain(route), again_of(route.line.id))


def _test(route: Route) -> tuple[str | None, str]:
    """Return the address of a rule test that holds what was decided here."""
    line, client = route.line, route.client
    joined = line.action == Action.JOIN.value and line.verdict == Verdict.ALLOWED.value
    operation = route.operation or (Operation.JOIN.value if joined else None)
    if operation is None or client is None or line.channel is None:
        return None, ""
    code = Code(line.code) if line.code is not None else None
    if code in OF_THE_MOMENT:
        return None, OF_THE_MOMENT[code]
    identity = json.dumps(client.identity, ensure_ascii=False)
    if len(identity) > IDENTITY_MOST and client.identity is not None:
        # What a token says besides decides nothing.
        identity = json.dumps({name: said for name, said in client.identity.items() if name != "extras"})
    if len(identity) > IDENTITY_MOST:
        return None, "Its token says more than an address carries; write the test by hand."
    allowed = "0" if line.verdict == Verdict.DENIED.value else "1"
    return url_for("ruletests.new", channel=line.channel, operation=operation, identity=identity, allowed=allowed), ""


def _attempt(route: Route) -> str | None:
    found = live()
    if found is None or not route.line.id.isdecimal():
        return None
    realtime, workspace = found
    record = realtime.tap.find(workspace.canonical, int(route.line.id))
    if record is None or next(Pair(workspace.rules, workspace.rules).tried(record), None) is None:
        return None
    return url_for("inspector.try_traffic", selected=route.line.id)


def _explain(route: Route) -> str | None:
    """Return where everything that its client may do is explained."""
    client, found = route.client, live()
    if client is None:
        return None
    if found is not None and client.socket in found[1].connections:
        return url_for("explain.page", who="client", client=client.socket, channel=route.line.channel)
    if client.user is not None:
        return url_for("explain.page", who="user", user=client.user, channel=route.line.channel)
    return url_for("explain.page", who="anonymous", channel=route.line.channel) if not client.authenticated else None
