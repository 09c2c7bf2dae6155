"""A channel in the words of the programs that use it, ready to copy.

Names of channels are strangers' words: each stands in its language's own literal, in which whatever is not printable
(line ends, marks that turn the direction of text) is written as an escape.
"""

import json
import shlex
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..tokens.snippets import mint_call

HTTPS_PORT = 443


@dataclass(frozen=True, slots=True)
class Snippet:
    """Code in one language, with what has to be known before it works."""

    title: str
    code: str
    note: str = ""


def snippets(address: str, canonical: str, channel: str) -> list[Snippet]:
    """Write a channel's snippets. ``address`` is the server's as the browser sees it, with a slash at the end."""
    return [
        Snippet("Xano's JS SDK", _xano(address, canonical, channel), _port_note(address)),
        Snippet("WeWeb", _weweb(address, canonical, channel), _WEWEB_NOTE),
        Snippet("phoenix.js", _phoenix(address, canonical, channel), _PHOENIX_NOTE),
        Snippet("Supabase's client", _supabase(address, canonical, channel), _SUPABASE_NOTE),
        Snippet("Python", _python(address, canonical, channel), "With `pip install websockets`."),
        Snippet(
            "An event from a back end",
            _event(address, canonical, channel),
            "With an API key of scope *publish*; the answer says how many it reached.",
        ),
        Snippet(
            "A token from a back end",
            mint_call(address, canonical, {"sub": "42", "extras": {"name": "Ada"}, "ttl": 3600}),
            "With an API key of scope *tokens*; hand the `token` of the answer to the front end.",
        ),
    ]


def literal(text: str) -> str:
    """Write a text as a literal of JSON and JavaScript."""
    return "".join(c if c.isprintable() else _escaped(c) for c in json.dumps(text, ensure_ascii=False))


def socket_address(address: str, path: str) -> str:
    """The address that WebSocket clients dial for a path below the server's."""
    parts = urlsplit(address)
    return f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}{parts.path}{path}"


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


def _xano(address: str, canonical: str, channel: str) -> str:
    return f"""import {{ XanoClient }} from "@xano/js-sdk";

const xano = new XanoClient({{
  instanceBaseUrl: {literal(address)},
  realtimeConnectionCanonical: {literal(canonical)},
}});
// xano.setRealtimeAuthToken(token);  // without a token the client is anonymous

const channel = xano.channel({literal(channel)}, {{ presence: true, history: true, queueOfflineActions: true }});
channel.on((action) => console.log(action), (error) => console.error(error));
channel.message({{ hello: "world" }});
"""


def _port_note(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme == "https" and (parts.port or HTTPS_PORT) == HTTPS_PORT:
        return "The SDK takes the host name alone and dials `wss` on port 443."
    return (
        f"The SDK takes the host name alone and always dials `wss://{parts.hostname}` on port 443, which is not where "
        "this page comes from: give the server a certificate and that port, or put a proxy in front."
    )


_WEWEB_NOTE = (
    "In the connection of WeWeb's Xano integration, then as actions of a workflow. "
    "The host has to answer `wss` on port 443."
)


def _weweb(address: str, canonical: str, channel: str) -> str:
    return f"""Custom Domain      {urlsplit(address).hostname}
Connection Hash    {canonical}

Open channel       {literal(channel)}
Send message       channel {literal(channel)}, to Everyone, message {{"hello": "world"}}
"""


_PHOENIX_NOTE = (
    "With `npm install phoenix`. Version 1.7 knows no `authToken`: there the token goes into `params`, as `token`. "
    "Any other name of an event is a public message, too."
)


def _phoenix(address: str, canonical: str, channel: str) -> str:
    return f"""import {{ Presence, Socket }} from "phoenix";

const socket = new Socket({literal(socket_address(address, "socket"))}, {{
  params: {{ app: {literal(canonical)} }},
  // authToken: token,  // a realtime token; without one the client is anonymous
}});
socket.connect();

const channel = socket.channel({literal(channel)}, {{ history: true }});
channel.on("message", (payload) => console.log(payload));
channel.on("history", ({{ messages }}) => console.log(messages));
const presence = new Presence(channel);
presence.onSync(() => console.log(presence.list()));
channel
  .join()
  .receive("ok", () => channel.push("message", {{ hello: "world" }}))
  .receive("error", ({{ reason, code, ref }}) => console.error(reason, code, ref));
"""


_SUPABASE_NOTE = (
    "With `npm install @supabase/realtime-js`: `createClient` would want the rest of Supabase. "
    "The `apikey` is the workspace's name, no secret. With the option `accessToken` in place of `setAuth(token)`, "
    "`await client.setAuth()` before `subscribe()`: else the first join goes without a token."
)
SUPABASE_NAME_MOST = 255


def _supabase(address: str, canonical: str, channel: str) -> str:
    name = f"realtime:{channel}"
    packs = name.isascii() and len(name) <= SUPABASE_NAME_MOST
    version = "" if packs else '\n  vsn: "1.0.0", // the binary frames of 2.0.0 cannot hold this name'
    return f"""import {{ RealtimeClient }} from "@supabase/realtime-js";

const client = new RealtimeClient({literal(socket_address(address, "socket"))}, {{
  params: {{ apikey: {literal(canonical)} }},{version}
}});
// client.setAuth(token);  // a realtime token; without one the client is anonymous

const channel = client.channel({literal(channel)}, {{ config: {{ broadcast: {{ ack: true, self: true }} }} }});
channel
  .on("broadcast", {{ event: "*" }}, ({{ event, payload }}) => console.log(event, payload))
  .on("presence", {{ event: "sync" }}, () => console.log(channel.presenceState()))
  .subscribe(async (status, error) => {{
    if (status !== "SUBSCRIBED") return console.error(status, error);
    await channel.track({{}});
    await channel.send({{ type: "broadcast", event: "message", payload: {{ hello: "world" }} }});
  }});
"""


def _python(address: str, canonical: str, channel: str) -> str:
    return f"""import asyncio
import json

from websockets.asyncio.client import connect

URL = {socket_address(address, f"rt/{canonical}")!r}
CHANNEL = {channel!r}
TOKEN = None  # a realtime token; without one the client is anonymous


async def main():
    async with connect(URL, subprotocols=[TOKEN] if TOKEN else None) as socket:
        options = {{"channel": CHANNEL}}
        join = {{"presence": True, "history": True}}
        await socket.send(json.dumps({{"action": "join", "options": options, "payload": join}}))
        message = {{"hello": "world"}}
        await socket.send(json.dumps({{"action": "message", "options": options, "payload": message}}))
        async for frame in socket:
            print(frame, flush=True)


asyncio.run(main())
"""


def _event(address: str, canonical: str, channel: str) -> str:
    body = '{"channel": ' + literal(channel) + ', "data": {"hello": "from the server"}}'
    url = shlex.quote(f"{address}api/v1/workspaces/{canonical}/events")
    return (
        'curl -H "Authorization: Bearer $TIDEGATE_KEY" -H "Content-Type: application/json" \\\n'
        f"  -d {shlex.quote(body)} \\\n  {url}"
    )
