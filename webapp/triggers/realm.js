// What surrounds the JavaScript of a trigger. Everything that is built in is frozen before a trigger's own code is read:
// a realm serves many events, and nothing that one of them brings may be there for the next.
(function () {
  "use strict";
  const { parse, stringify } = JSON;
  const { freeze, defineProperty, getOwnPropertyDescriptor, getPrototypeOf } = Object;
  const { ownKeys } = Reflect;
  const broken = [TypeError, RangeError, ReferenceError, SyntaxError, EvalError, URIError, InternalError, AggregateError];

  let calls = [];
  let waiting = new Map();
  let serial = 0;
  let before;
  let done = null;
  let subject = null;

  // What the host provides: a promise each, settled between jobs.
  const ask = (name) => (...args) =>
    new Promise((resolve, reject) => {
      serial += 1;
      waiting.set(serial, [resolve, reject]);
      calls.push([serial, name, args]);
    });
  const say = (...args) => {
    calls.push([0, "console", args.map((arg) => (typeof arg === "string" ? arg : stringify(arg) ?? String(arg)))]);
  };
  const helpers = {
    getUserRecentMessages: async (...args) => (await recent(...args)).map((time) => new RecentMessage(time)),
    logMessage: ask("logMessage"),
    kv: { get: ask("kv.get"), set: ask("kv.set"), delete: ask("kv.delete"), increment: ask("kv.increment") },
    publish: ask("publish"),
    log: ask("log"),
    console: { log: say, info: say, warn: say, error: say, debug: say },
  };
  const recent = ask("getUserRecentMessages");

  // Code that was written for other hosts reads the time under any of these names, or compares the entry itself.
  class RecentMessage {
    constructor(time) {
      this.time = this.timestamp = this.created_at = time;
    }
    valueOf() {
      return this.time;
    }
  }

  function came(value) {
    if (value === undefined || value === null || value === true) return "U";
    if (value === false) return "F";
    if (typeof value !== "object" || !("payload" in value)) return "XIt returned neither the event, nor false, nor nothing.";
    const after = stringify(value.payload);
    if (after === undefined) return "XThe payload that it returned can't be written as JSON.";
    return after === before ? "U" : "P" + after;
  }

  function failed(error) {
    try {
      if (typeof error === "string") return "E" + error;
      if (error === null) return "XIt threw null, as the engine does where memory runs out.";
      if (!(error instanceof Error)) return "XIt threw something that is no Error.";
      if (!broken.some((kind) => error instanceof kind)) return "E" + error.message;
      const where = /:(\d+)(?::\d+)?\)?\s*$/.exec(String(error.stack).trim().split("\n")[0]);
      return `X${error.name}: ${error.message}` + (where ? ` (line ${where[1]})` : "");
    } catch {
      return "XIt threw something that can't be read.";
    }
  }

  function end(make, value) {
    try {
      done = make(value);
    } catch (error) {
      done = failed(error);
    }
  }

  const host = {
    load(code, isFunction) {
      subject = isFunction ? (0, eval)(`"use strict";(${code}\n)`) : new Function("event", `"use strict";return (${code}\n)`);
      if (typeof subject !== "function") throw new TypeError("Expected a function, such as async function (event) { … }.");
      freeze(subject);
    },
    test(text) {
      try {
        const value = subject(parse(text));
        return value instanceof Promise ? "XAn expression can't wait for a promise." : value ? "1" : "0";
      } catch (error) {
        return "X" + failed(error).slice(1);
      }
    },
    run(text) {
      calls = [];
      waiting = new Map();
      done = null;
      const event = parse(text);
      before = stringify(event.payload);
      try {
        const value = subject(event);
        if (value instanceof Promise) value.then((v) => end(came, v), (e) => end(failed, e));
        else end(came, value);
      } catch (error) {
        done = failed(error);
      }
      return host.poll();
    },
    poll() {
      if (calls.length) {
        const made = calls;
        calls = [];
        return "C" + stringify(made);
      }
      return done ?? "W";
    },
    settle(text) {
      for (const [id, ok, value] of parse(text)) {
        const [resolve, reject] = waiting.get(id);
        waiting.delete(id);
        if (ok) resolve(value);
        else reject(new Error(value));
      }
      return host.poll();
    },
  };

  // A frozen prototype would keep objects from having a field of the same name by assignment (`error.name = …`): where
  // that is usual, a setter makes the field.
  function letOthersHave(prototype) {
    for (const key of ownKeys(prototype)) {
      const own = getOwnPropertyDescriptor(prototype, key);
      if (!("value" in own) || !own.configurable) continue;
      const value = own.value;
      defineProperty(prototype, key, {
        get: () => value,
        set(other) {
          if (this === prototype) throw new TypeError(`${String(key)} can't be changed.`);
          defineProperty(this, key, { value: other, writable: true, enumerable: true, configurable: true });
        },
        enumerable: own.enumerable,
        configurable: false,
      });
    }
  }
  for (const own of [Object, Function, Error, ...broken, Promise]) letOthersHave(own.prototype);

  Object.assign(globalThis, helpers);
  const seen = new Set();
  const ahead = [
    globalThis,
    host,
    RecentMessage,
    (async () => {}).constructor,
    function* () {}.constructor,
    async function* () {}.constructor,
    [][Symbol.iterator](),
    new Map()[Symbol.iterator](),
    new Set()[Symbol.iterator](),
    ""[Symbol.iterator](),
    "".matchAll(/./g),
  ];
  while (ahead.length) {
    const it = ahead.pop();
    if (it === null || (typeof it !== "object" && typeof it !== "function") || seen.has(it)) continue;
    seen.add(it);
    for (const key of ownKeys(it)) {
      const own = getOwnPropertyDescriptor(it, key);
      if ("value" in own) ahead.push(own.value);
      else ahead.push(own.get, own.set);
    }
    ahead.push(getPrototypeOf(it));
    if (it !== globalThis) freeze(it);
  }
  return (name) => host[name];
})()
