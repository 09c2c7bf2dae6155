"""Who is seen in a channel, and who is told when that changes."""

from ..core.permissions import Operation
from .channel import Channel, Membership
from .connection import Connection
from .turn import Recipients, Turn


def roster(channel: Channel) -> list[Connection]:
    """Return the members who are listed, in the order in which they came."""
    return [m.connection for m in channel.members.values() if m.rights.in_presence]


def send_roster(turn: Turn, membership: Membership) -> None:
    """Send a member the whole list, itself included, if it asked for presence and may see it."""
    if not (membership.wants_presence and membership.rights.sees_presence):
        return
    connection, channel = membership.connection, membership.channel
    clients = [member.sender.json for member in roster(channel)]
    turn.send(connection, connection.face.presence_full(channel.name, clients))


def announce(turn: Turn, channel: Channel, who: Connection, action: str) -> None:
    """Tell the other members who see presence that ``who`` came (``join``) or went (``leave``).

    Never to the one concerned: Xano's SDK would list it twice.
    """
    for encoder, recipients in channel.audience(Operation.SEES_PRESENCE):
        frame = encoder.presence_update(channel.name, action, who.sender.json)
        if who in recipients.connections:
            # Known to no channel, so nothing would tell it of a socket that fills up: each is asked anew.
            recipients = Recipients(c for c in recipients.connections if c is not who)
            recipients.stale = True
        turn.send(recipients, frame)
