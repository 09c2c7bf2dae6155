// Phoenix channels, as npm phoenix speaks them, for the test bench: see xano.js for what is exported.

import { connect as connectAs } from "./channels.js";

export const label = "Phoenix";

// It comes back after every close that it did not ask for itself.
export const returns = () => true;
const PAUSES = [10, 50, 100, 150, 200, 250, 500, 1000, 2000];
export const pause = (tries) => PAUSES[tries - 1] ?? 5000;

const dialect = {
  prefix: "",
  joining: ({ presence, history }) => ({ presence, history }),
  message: (event, payload) => ({ event, payload }),
  joined: () => null,
};

export const connect = (options) => connectAs(dialect, options);
