"""The event and the helpers that code in triggers has, described as data: the dashboard and the docs say the same."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Described:
    """A field of the event, or a helper. ``name`` is how code writes it; text in backquotes is code."""

    name: str
    kind: str
    says: str


EVENT = (
    Described("event.action", "text", "What happened: `message`, `join`, `leave`, or `event` for one of the server."),
    Described("event.channel", "text", "The channel."),
    Described("event.params", "list of texts", "What each `*` of the rule's target stands for, in order."),
    Described("event.payload", "any JSON", "What was sent, or what the steps above have made of it."),
    Described("event.client", "object or null", "Who sent, joined or left. `null` for the server."),
    Described("event.client.socketId", "text", "Its connection; also as `id`."),
    Described("event.client.userId", "text or null", "Its user, `null` for an anonymous client; also as `user_id`."),
    Described("event.client.authenticated", "true or false", "Whether it has a token."),
    Described("event.client.extras", "object", "The `extras` of its token."),
    Described("event.client.permissions", "object", "`dbo_id` and `row_id` of its token."),
    Described(
        "event.target", "object", "The recipient of a private message, with the fields of `client`. Else missing."
    ),
    Described("event.authorized", "true or false", "Of a join: whether the rule's boxes would let the client in."),
    Described("event.options.channel", "text", "The channel once more, as Xano has it."),
    Described("event.options.authenticated", "true or false", "Whether it is an authenticated message."),
    Described("event.options.socketId", "text", "The recipient's connection, of a private message."),
    Described("event.options.userId", "text", "The recipient, of a private message to all clients of a user."),
    Described("event.options.event", "text", "The name of a message, if it has one."),
    Described(
        "event.id",
        "text",
        "The message's id, as the inspector and the history have it. Another one of the channel that overtakes it, "
        "such as one that the trigger publishes there, changes it; what a webhook is told *after* has the final one.",
    ),
    Described("event.time", "number", "When it came, in milliseconds since 1970."),
)

HELPERS = (
    Described(
        "getUserRecentMessages(userId, channel)",
        "list",
        "What `logMessage` kept of a user in a channel, the newest last, each with its `time` in milliseconds, also as "
        "`timestamp`.",
    ),
    Described(
        "logMessage(userId, channel, time)",
        "nothing",
        "Keeps that a user sent something, for the helper above. Without a time: now.",
    ),
    Described("kv.get(key)", "any JSON", "What this trigger kept under a key, `null` if nothing is there (any more)."),
    Described("kv.set(key, value, seconds)", "nothing", "Keeps a value for so many seconds."),
    Described("kv.delete(key)", "true or false", "Forgets it; whether there was something."),
    Described("kv.increment(key, by, seconds)", "number", "Adds to a number that is kept; what it is then."),
    Described(
        "publish(channel, data, {event, socketId, userId})",
        "nothing",
        "Sends an event of the server to a channel, or to one client or user in it. It sets off no trigger.",
    ),
    Described("log(text)", "nothing", "Writes a line into the audit trail."),
)
"""All of them answer with a promise: ``await kv.get(key)``."""
