// Supabase Realtime, as npm @supabase/realtime-js speaks it, for the test bench: see xano.js for what is exported. Messages
// are written as text; its client packs the same into a binary frame.

import { connect as connectAs } from "./channels.js";

export const label = "Supabase";

// It comes back after every close that it did not ask for itself.
export const returns = () => true;
const PAUSES = [1000, 2000, 5000];
export const pause = (tries) => PAUSES[tries - 1] ?? 10_000;

const dialect = {
  prefix: "realtime:",
  joining: ({ presence, history }, token) => ({
    config: {
      broadcast: { ack: true, self: true, ...(history && { replay: { since: 0 } }) },
      presence: { key: "", enabled: presence },
      postgres_changes: [],
      private: history, // its client asks for a replay of private channels alone
    },
    ...(token && { access_token: token }),
  }),
  message: (event, payload) => ({ event: "broadcast", payload: `{"type":"broadcast","event":${JSON.stringify(event)},"payload":${payload}}` }),
  // Nobody sees one of its clients until it says something of itself.
  joined: ({ presence }) => presence && { event: "presence", payload: '{"type":"presence","event":"track","payload":{}}' },
};

export const connect = (options) => connectAs(dialect, options);
