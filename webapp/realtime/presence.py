"""Who is seen in a channel, and who is told when that changes."""

from ..core.permissions import Operation
from .channel import Channel, Membership
from .connection import Connection
from .events import Present
from .turn import Recipients, Turn


def roster(channel: Channel) -> list[Present]:
    """Return the members who are listed, in the order in which they came."""
    return [member.present for member in channel.members.values() if member.is_listed]


def send_roster(turn: Turn, membership: Membership) -> None:
    """Send a member the whole list, itself included, if it asked for presence and may see it."""
    if membership.wants_presence and membership.rights.sees_presence:
        channel = membership.channel
        turn.send(membership.connection, membership.encoder.presence_full(channel.name, roster(channel)))


def announce(
    turn: Turn, channel: Channel, before: Present | None, after: Present | None, untold: Connection | None = None
) -> None:
    """Tell the members who see presence that one of them came, went, or is listed anew.

    ``untold`` is whoever joins just now and has the whole list: Xano's SDK would list it twice.
    """
    audience = channel.audience(Operation.SEES_PRESENCE)
    for encoder, recipients in audience:
        frame = encoder.presence_update(channel.name, before, after)
        if not frame:
            continue
        if untold is not None and untold in recipients.connections:
            # Known to no channel, so nothing would tell it of a socket that fills up: each is asked anew.
            recipients = Recipients(c for c in recipients.connections if c is not untold)
            recipients.stale = True
            turn.send(recipients, frame)
        else:
            turn.send(recipients, frame, audience)
