// Xano's protocol, as its SDK speaks it, for the test bench. What a protocol's module exports is the same for all:
//
//   label                        its name for people
//   connect(options)             opens a connection: {endpoint, token, opened, sent, received, closed} -> a line
//   returns(code)                whether the SDK comes back by itself after this close code
//   pause(tries)                 for how many milliseconds it waits before it tries again
//
// A line has
//
//   join, leave, send            (channel, {presence, history}), (channel), (channel, {audience, to, payload})
//   renew(token)                 goes on with another token; says whether it has to go and come back for that
//   end()                        goes
//
// `sent` and `received` hear of each frame: its text, without tokens, and what it says: {action, channel, payload, type, ...},
// or null if it can't be read. The type is joined, left, present (clients), changed (came, went: clients), error (code, text,
// ref; `out`: not in the channel any more, `unsure`: perhaps not) or other.

export const label = "Xano";

const AGAIN = 4000;
const RETURNS = new Set([1006, 1011, 1012, 1013, 1014, AGAIN]);
const LONGEST_PAUSE = 60_000;

// Errors on a channel after which one is surely not in it, and those that a change of the rules that took one out shares
// with messages that are refused.
const OUT = new Set(["not_joined", "no_rule", "channel_not_authorized", "workspace_disabled"]);
const UNSURE = new Set(["anonymous_not_allowed", "grant_missing"]);

export const returns = (code) => RETURNS.has(code);
export const pause = (tries) => Math.min(1000 * 2 ** (tries - 1), LONGEST_PAUSE);

export function connect({ endpoint, token, opened, sent, received, closed }) {
  const url = new URL(endpoint, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(url, token ? [token] : []);
  socket.onopen = opened;
  socket.onmessage = ({ data }) => received(data, read(data));
  socket.onclose = ({ code }) => closed(code);
  const write = (text) => {
    sent(text, read(text));
    socket.send(text);
  };
  return {
    join: (channel, { presence, history }) => write(written("join", channel, { history, presence })),
    leave: (channel) => write(written("leave", channel, null)),
    send: (channel, message) => write(said(channel, message)),
    renew() {
      socket.close(AGAIN);
      return true;
    },
    end: () => socket.close(1000),
  };
}

const written = (action, channel, payload) => JSON.stringify({ action, options: { channel }, payload });

// The payload is passed on as it was written: a large number must not lose digits on its way through here.
function said(channel, { audience, to, payload }) {
  const options = { channel };
  if (audience === "authenticated") options.authenticated = true;
  if (audience === "private") options.socketId = to;
  return `{"action":"message","options":${JSON.stringify(options)},"payload":${payload}}`;
}

const client = ({ socketId, extras }) => ({ id: socketId, extras });

function read(text) {
  let frame;
  try {
    frame = JSON.parse(text);
  } catch {
    return null;
  }
  const { action, options, payload } = frame;
  return { action, channel: options?.channel, payload, ...means(action, payload ?? {}) };
}

function means(action, payload) {
  switch (action) {
    case "join":
      return { type: "joined" };
    case "leave":
      return { type: "left" };
    case "presence_full":
      return { type: "present", clients: payload.presence.map(client) };
    case "presence_update": {
      const one = [client(payload.presence)];
      return { type: "changed", came: payload.action === "join" ? one : [], went: payload.action === "join" ? [] : one };
    }
    case "error": {
      const { code, message, ref } = payload;
      return { type: "error", code, text: message, ref, out: OUT.has(code), unsure: UNSURE.has(code) };
    }
    default:
      return { type: "other" };
  }
}
