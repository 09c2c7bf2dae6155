// One simulated user: npm @xano/js-sdk as it comes, driven by lines of JSON, telling what it sees in lines of JSON.
// The SDK keeps one socket a process, and Node 20 brings no WebSocket of its own.
import { createInterface } from "node:readline";
import { WebSocket } from "ws";
import { XanoClient, XanoObjectStorage } from "@xano/js-sdk";

globalThis.WebSocket = class extends WebSocket {
  constructor(...given) {
    super(...given);
    this.on("error", () => {}); // the SDK listens to `close` alone
    this.addEventListener("close", (event) => tell({ closed: event.code }));
  }
};

function tell(what) {
  process.stdout.write(JSON.stringify(what) + "\n");
}

let client;
const channels = {};

const commands = {
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
};

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { command, ...given } = JSON.parse(line);
    try {
      commands[command](given);
    } catch (error) {
      tell({ failed: String(error?.stack ?? error) });
    }
  })
  .on("close", () => process.exit(0));
