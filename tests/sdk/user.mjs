// One simulated user: npm @xano/js-sdk as it comes, driven by lines of JSON (lines.mjs).
// The SDK keeps one socket a process.
import { XanoClient, XanoObjectStorage } from "@xano/js-sdk";
import { Transport, serve, tell } from "./lines.mjs";

globalThis.WebSocket = class extends Transport {
  constructor(...given) {
    super(...given);
    this.addEventListener("close", (event) => tell({ closed: event.code }));
  }
};

let client;
const channels = {};

serve({
  configure({ token, canonical }) {
    client = new XanoClient({
      instanceBaseUrl: "https://localhost/",
      realtimeConnectionCanonical: canonical,
      realtimeAuthToken: token ?? undefined,
      storage: new XanoObjectStorage(), // the other kinds need a browser
    });
  },
  channel({ name, options }) {
    const channel = client.channel(name, options);
    channels[name] = channel;
    channel.on(
      (frame) => tell({ on: name, frame }),
      (error) => tell({ on: name, error }),
    );
  },
  say({ name, payload, options }) {
    channels[name].message(payload, options);
  },
  whisper({ name, socketId, payload }) {
    const peer = channels[name].getPresence().find((each) => each.socketId === socketId);
    peer.message(payload);
  },
  threadWith({ name, socketId }) {
    channels[name].getPresence().find((each) => each.socketId === socketId).history();
  },
  history({ name }) {
    channels[name].history();
  },
  presence({ name }) {
    const shown = channels[name].getPresence().map(({ socketId, extras, permissions }) => ({ socketId, extras, permissions }));
    tell({ presence: shown });
  },
  token({ token }) {
    client.setRealtimeAuthToken(token);
    client.realtimeReconnect();
  },
  destroy({ name }) {
    channels[name].destroy();
    delete channels[name];
  },
});
