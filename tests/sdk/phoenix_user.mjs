// One simulated user: npm phoenix as it comes, 1.8 or 1.7, driven by lines of JSON (lines.mjs).
import * as newest from "phoenix";
import * as older from "phoenix17";
import { Transport, meant, serve, tell } from "./lines.mjs";

const PACKAGES = { phoenix: newest, phoenix17: older };
// phoenix.js writes only arrays by itself; an app that speaks 1.0.0 brings its own two functions.
const OBJECTS = {
  encode: (message, done) => done(JSON.stringify(message)),
  decode: (raw, done) => done(JSON.parse(raw)),
};

let library, socket;
let params = {};
const channels = {};

serve({
  configure({ library: name, url, vsn, authToken, heartbeat, ...given }) {
    library = PACKAGES[name];
    params = given.params;
    socket = new library.Socket(url, {
      transport: Transport,
      vsn,
      params: () => params,
      authToken: authToken ?? undefined,
      heartbeatIntervalMs: heartbeat ?? undefined,
      ...(vsn === "1.0.0" ? OBJECTS : {}),
    });
    socket.onOpen(() => tell({ opened: socket.conn.protocol }));
    socket.onClose((event) => tell({ disconnected: event.code }));
    socket.onMessage(({ topic, event, payload }) => topic === "phoenix" && tell({ of: "connection", event, payload }));
    socket.connect();
  },
  params(given) {
    params = given.params;
  },
  join({ name, payload, events }) {
    const channel = socket.channel(name, payload);
    channels[name] = channel;
    for (const event of events) {
      channel.on(event, (payload) => tell({ on: name, event, payload }));
    }
    channel.onClose((payload) => tell({ on: name, closed: payload }));
    channel.onError((reason) => tell({ on: name, broken: reason ?? null }));
    const presence = new library.Presence(channel);
    presence.onJoin((key, current, { metas }) => tell({ on: name, came: key, before: current?.metas ?? [], metas }));
    presence.onLeave((key, current, { metas }) => tell({ on: name, went: key, left: current.metas, metas }));
    presence.onSync(() => tell({ on: name, listed: Object.fromEntries(presence.list((key, { metas }) => [key, metas])) }));
    channel
      .join()
      .receive("ok", (response) => tell({ on: name, joined: response }))
      .receive("error", (response) => tell({ on: name, refused: response }))
      .receive("timeout", () => tell({ failed: `joining ${name} was not answered` }));
  },
  push({ name, event, payload, tag }) {
    const push = channels[name].push(event, meant(payload));
    for (const status of ["ok", "error", "timeout"]) {
      push.receive(status, (response) => tell({ tag, status, response }));
    }
  },
  leave({ name, tag }) {
    channels[name].leave().receive("ok", (response) => tell({ tag, status: "ok", response }));
  },
  cut() {
    socket.conn.terminate();
  },
});
