// One simulated user: npm @supabase/realtime-js as it comes, driven by lines of JSON (lines.mjs).
import * as newest from "@supabase/realtime-js";
import * as older from "supabase280";
import { Transport, meant, serve, tell } from "./lines.mjs";

console.warn = () => {}; // send() says each time that REST is another way
const PACKAGES = { supabase: newest, supabase280: older };
let client, session;
const channels = {};

// What a call resolves to, or the text of its error.
async function answer(tag, promise) {
  try {
    tell({ tag, answer: (await promise) ?? null });
  } catch (error) {
    tell({ tag, error: error.message });
  }
}

serve({
  configure({ library, url, vsn, params, heartbeat, reconnect, session: token }) {
    session = token;
    client = new PACKAGES[library].RealtimeClient(url, {
      transport: Transport,
      vsn,
      params,
      heartbeatIntervalMs: heartbeat ?? undefined,
      accessToken: token === undefined ? undefined : async () => session,
      reconnectAfterMs: reconnect ? () => reconnect : undefined,
      heartbeatCallback: (status) => tell({ heartbeat: status }),
    });
  },
  channel({ name, config, presence }) {
    const channel = client.channel(name, { config });
    channels[name] = channel;
    channel.on("broadcast", { event: "*" }, ({ event, payload, meta }) => tell({ on: name, event, payload, meta }));
    if (presence) {
      channel.on("presence", { event: "sync" }, () => tell({ on: name, listed: channel.presenceState() }));
      channel.on("presence", { event: "join" }, ({ key, newPresences }) => tell({ on: name, came: key, metas: newPresences }));
      channel.on("presence", { event: "leave" }, ({ key, leftPresences }) => tell({ on: name, went: key, metas: leftPresences }));
    }
  },
  subscribe({ name }) {
    channels[name].subscribe((status, error) => tell({ on: name, status, error: error?.message ?? null }));
  },
  send({ name, event, payload, tag }) {
    answer(tag, channels[name].send({ type: "broadcast", event, payload: meant(payload) }));
  },
  httpSend({ name, event, payload, tag }) {
    answer(tag, channels[name].httpSend(event, meant(payload)));
  },
  track({ name, payload, tag }) {
    answer(tag, channels[name].track(payload));
  },
  untrack({ name, tag }) {
    answer(tag, channels[name].untrack());
  },
  unsubscribe({ name, tag }) {
    answer(tag, channels[name].unsubscribe());
  },
  removeChannel({ name, tag }) {
    answer(tag, client.removeChannel(channels[name]));
  },
  session({ token }) {
    session = token;
  },
  setAuth({ token, tag }) {
    answer(tag, client.setAuth(token));
  },
  cut() {
    (client.conn ?? client.socketAdapter.getSocket().conn).terminate();
  },
});
