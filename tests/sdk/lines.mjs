// How a test drives a simulated user: commands come as lines of JSON, what happens is told in lines of JSON.
// Bytes travel as {"bytes": [0, 255]}.
import { createInterface } from "node:readline";
import { WebSocket } from "ws";

export function tell(what) {
  process.stdout.write(JSON.stringify(what, written) + "\n");
}

function written(_name, value) {
  return value instanceof ArrayBuffer ? { bytes: [...new Uint8Array(value)] } : value;
}

export function meant(payload) {
  return Array.isArray(payload?.bytes) ? new Uint8Array(payload.bytes).buffer : payload;
}

export function serve(commands) {
  const failed = (error) => tell({ failed: String(error?.stack ?? error) });
  createInterface({ input: process.stdin })
    .on("line", (line) => {
      const { command, ...given } = JSON.parse(line);
      try {
        Promise.resolve(commands[command](given)).catch(failed);
      } catch (error) {
        failed(error);
      }
    })
    .on("close", () => process.exit(0));
}

// Node 20 brings no WebSocket of its own. In a browser an error that nobody listens to ends nothing.
export class Transport extends WebSocket {
  constructor(...given) {
    super(...given);
    this.on("error", () => {});
  }
}
