// Xano's protocol, as its SDK speaks it, for the test bench. What a protocol's module exports is the same for all:
//
//   label                        its name for people
//   connect(options)             opens a connection: {endpoint, token, opened, received, closed} -> {write(text), end(code)}
//   join, leave, send            the text of a frame: (channel, {presence, history}), (channel), (channel, {audience, to, payload})
//   read(text)                   what a frame says: {action, channel, payload, type, ...}, or null if it can't be read;
//                                type is joined, left, present (clients), came, went (client), error (code, text, ref) or other
//   returns(code)                whether the SDK comes back by itself after this close code
//   AGAIN                        the close code with which a client asks itself to come back, with another token

export const label = "Xano";
export const AGAIN = 4000;

const RETURNS = new Set([1006, 1011, 1012, 1013, 1014, 4000]);
export const returns = (code) => RETURNS.has(code);

export function connect({ endpoint, token, opened, received, closed }) {
  const url = new URL(endpoint, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(url, token ? [token] : []);
  socket.onopen = opened;
  socket.onmessage = ({ data }) => received(data);
  socket.onclose = ({ code }) => closed(code);
  return { write: (text) => socket.send(text), end: (code = 1000) => socket.close(code) };
}

const written = (action, channel, payload, more) => JSON.stringify({ action, options: { channel, ...more }, payload });

export const join = (channel, { presence, history }) => written("join", channel, { history, presence });
export const leave = (channel) => written("leave", channel, null);

// The payload is passed on as it was written: a large number must not lose digits on its way through here.
export function send(channel, { audience, to, payload }) {
  const options = { channel };
  if (audience === "authenticated") options.authenticated = true;
  if (audience === "private") options.socketId = to;
  return `{"action":"message","options":${JSON.stringify(options)},"payload":${payload}}`;
}

const client = ({ socketId, extras }) => ({ id: socketId, extras });

export function read(text) {
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
    case "presence_update":
      return { type: payload.action === "join" ? "came" : "went", client: client(payload.presence) };
    case "error":
      return { type: "error", code: payload.code, text: payload.message, ref: payload.ref };
    default:
      return { type: "other" };
  }
}
