// What surrounds the JavaScript of a trigger. Everything that is built in is frozen before a trigger's own code is read:
// a realm serves many events, and nothing that one of them brings may be there for the next.
(function () {
  "use strict";
  const { parse, stringify } = JSON;
  const { freeze, defineProperty, getOwnPropertyDescriptor, getPrototypeOf } = Object;
  const { apply, ownKeys } = Reflect;
  const { isArray } = Array;
  const { join } = Array.prototype;
  const broken = [TypeError, RangeError, ReferenceError, SyntaxError, EvalError, URIError, InternalError, AggregateError];

  const CALLS_MOST = 1000; // what one run may ask of the host
  const CALLS_SIZE = 256 * 1024; // and its arguments in JSON, all together
  const CONSOLE_LINES = 10;
  const CONSOLE_LINE = 200;
  const ERROR_MOST = 500;
  const PAYLOAD_MOST = 16 * 1024 * 1024;
  const ENTRIES_MOST = 5e6; // more than the memory of any script has place for
  const SEARCH_MOST = 1e9;
  const AROUND_MOST = 10_000; // what stands before or after each match is put there as often as there are matches
  const LINES_BEFORE = 40_000;
  const LINES_OF_FUNCTION = 2; // that `new Function` puts before an expression

  let calls = [];
  let called = 0;
  let size = 0;
  let lines = 0;
  let waiting = new Map();
  let serial = 0;
  let before;
  let done = null;
  let make = null;
  let subject = null;

  // The host can't take a text that the engine still holds as a rope of parts.
  const whole = (...parts) => apply(join, parts, [""]);
  // Nor zeros and halves of surrogate pairs: as text, or as the escapes that JSON writes halves with.
  const text = (value, most) => String(value).slice(0, most).toWellFormed().replaceAll("\0", "\ufffd");
  const HALF = /\\(?:\\|ud[89a-f][0-9a-f]{2})/g;
  const json = (value) => {
    const written = stringify(value);
    return written?.includes("\\ud") ? written.replace(HALF, (it) => (it === "\\\\" ? it : "\ufffd")) : written;
  };

  // What the host provides: a promise each, settled between jobs.
  const ask = (name) => (...args) =>
    new Promise((resolve, reject) => {
      const written = json(args);
      called += 1;
      size += written.length;
      if (called > CALLS_MOST) throw new RangeError(`A run may call helpers ${CALLS_MOST} times.`);
      if (size > CALLS_SIZE) throw new RangeError(`A run may hand helpers ${CALLS_SIZE / 1024} KiB.`);
      serial += 1;
      waiting.set(serial, [resolve, reject]);
      calls.push(`[${serial},"${name}",${written}]`);
    });
  const shown = (value) => {
    try {
      if (typeof value !== "object" || value === null || value instanceof Error) return String(value);
      return stringify(value) ?? "{}";
    } catch {
      return `(${typeof value})`;
    }
  };
  const say = (...args) => {
    lines += 1;
    if (lines <= CONSOLE_LINES) calls.push(`[0,"console",${stringify([text(apply(join, args.map(shown), [" "]), CONSOLE_LINE)])}]`);
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
    const after = json(value.payload);
    if (after === undefined) return "XThe payload that it returned can't be written as JSON.";
    if (after.length > PAYLOAD_MOST) return "XThe payload that it returned is larger than any message may be.";
    return after === before ? "U" : whole("P", after);
  }

  function failed(error, above = 0) {
    try {
      if (typeof error === "string") return whole("E", text(error, ERROR_MOST));
      if (error === null) return "XIt threw null, as the engine does where memory runs out.";
      if (!(error instanceof Error)) return "XIt threw something that is no Error.";
      if (!broken.some((kind) => error instanceof kind)) return whole("E", text(error.message, ERROR_MOST));
      // The lines of this file come after all that code can have.
      const frames = text(error.stack, 2000).split("\n").map((frame) => /:(\d+)(?::\d+)?\)?\s*$/.exec(frame)?.[1]);
      const line = frames.find((number) => number < LINES_BEFORE);
      return whole("X", text(error.name, 50), ": ", text(error.message, ERROR_MOST), line ? ` (line ${line - above})` : "");
    } catch {
      return "XIt threw something that can't be read.";
    }
  }

  function end(read, value) {
    try {
      done = read(value);
    } catch (error) {
      done = failed(error);
    }
  }

  const host = {
    // A function is made anew for every event: what its code holds on to, in closures or properties, ends with the run.
    load(code, isFunction) {
      if (isFunction) make = (0, eval)(`"use strict";() => (${code}\n)`);
      else subject = new Function("event", `"use strict";return (${code}\n)`);
      if (isFunction && typeof make() !== "function") {
        throw new TypeError("Expected a function, such as async function (event) { … }.");
      }
      freeze(subject);
    },
    test(given) {
      try {
        const value = subject(parse(given));
        return value instanceof Promise ? "XAn expression can't wait for a promise." : value ? "1" : "0";
      } catch (error) {
        return whole("X", failed(error, LINES_OF_FUNCTION).slice(1));
      }
    },
    run(given) {
      if (calls.length) calls = [];
      if (waiting.size) waiting = new Map();
      called = size = lines = 0;
      done = null;
      const event = parse(given);
      before = stringify(event.payload);
      try {
        const value = make()(event);
        if (value instanceof Promise) value.then((v) => end(came, v), (e) => end(failed, e));
        else end(came, value);
      } catch (error) {
        done = failed(error);
      }
      return host.poll();
    },
    poll() {
      if (calls.length) {
        const asked = calls;
        calls = [];
        return whole("C[", apply(join, asked, [","]), "]");
      }
      return done ?? "W";
    },
    settle(given) {
      for (const [id, ok, value] of parse(given)) {
        const [resolve, reject] = waiting.get(id);
        waiting.delete(id);
        if (ok) resolve(value);
        else reject(new Error(value));
      }
      return host.poll();
    },
  };

  // What can hold on to an event beyond its run: jobs that run when something is let go of, and two settings of the
  // engine that freezing does not reach.
  for (const name of ["WeakRef", "FinalizationRegistry"]) delete globalThis[name];
  for (const name of ["stackTraceLimit", "prepareStackTrace"]) delete Error[name];

  // The engine can't be stopped inside these; on arrays that are long and hold nothing they would go on for minutes.
  // A check may say what is to be taken instead: an object that is asked twice for its text may answer differently.
  function guard(prototype, names, check) {
    for (const name of names) {
      const native = prototype[name];
      const guarded = {
        [name](...args) {
          const [it, given] = check(this, args) ?? [this, args];
          return apply(native, it, given);
        },
      }[name];
      defineProperty(guarded, "length", { value: native.length });
      defineProperty(prototype, name, { value: guarded });
    }
  }
  const tooLong = (what) => new RangeError(`The ${what} too long for this.`);
  // Of what is no array, only a length that is a number of its own stays what it is.
  const checkEntries = (it) => {
    if (it === null || it === undefined) return;
    const own = isArray(it) ? it.length : getOwnPropertyDescriptor(it, "length")?.value;
    if (own === undefined ? "length" in Object(it) : typeof own !== "number" || own > ENTRIES_MOST) throw tooLong("array is");
  };
  const own = "copyWithin fill join reverse shift slice sort splice toLocaleString toReversed toSorted toSpliced unshift with";
  guard(Array.prototype, own.split(" "), checkEntries);
  guard(Array.prototype, ["concat"], (it, args) => {
    for (const each of [it, ...args]) {
      if (isArray(each) || (typeof each === "object" && each !== null && Symbol.isConcatSpreadable in each)) checkEntries(each);
    }
  });
  // These two are written anew: what lies within may be anything, and comes only as they go.
  const flattened = (into, array, depth) => {
    checkEntries(array);
    for (let i = 0; i < array.length; i++) {
      if (!(i in array)) continue;
      if (depth > 0 && isArray(array[i])) flattened(into, array[i], depth - 1);
      else into[into.length] = array[i];
    }
    return into;
  };
  const flat = {
    flat(depth = 1) {
      return flattened([], Object(this), +depth || 0);
    },
    flatMap(map, self) {
      const mapped = [];
      checkEntries(this);
      for (let i = 0; i < this.length; i++) if (i in this) flattened(mapped, [apply(map, self, [this[i], i, this])], 1);
      return mapped;
    },
  };
  for (const name of ["flat", "flatMap"]) defineProperty(Array.prototype, name, { value: flat[name] });
  guard(JSON, ["stringify"], (_, [, names]) => (isArray(names) ? checkEntries(names) : undefined));
  guard(String, ["raw"], (_, [template]) => {
    const raw = getOwnPropertyDescriptor(template, "raw")?.value;
    if (!isArray(raw)) throw new TypeError("Expected a template.");
    checkEntries(raw);
  });
  guard(Iterator.prototype, ["drop"], (_, [count]) => {
    if (typeof count !== "number" || count > ENTRIES_MOST) throw tooLong("iterator is");
  });
  const isPattern = (it) => it instanceof RegExp && getPrototypeOf(it) === RegExp.prototype && ownKeys(it).length === 1;
  const searched = (it, [sought, ...rest]) => {
    if (it === null || it === undefined || typeof sought === "symbol" || isPattern(sought)) return;
    const all = String(it);
    const part = typeof sought === "object" || typeof sought === "function" ? String(sought) : sought;
    if (typeof part === "string" && all.length * part.length > SEARCH_MOST) throw tooLong("texts are");
    return [all, [part, ...rest]];
  };
  guard(String.prototype, ["includes", "indexOf", "lastIndexOf", "split"], searched);
  guard(String.prototype, ["replace", "replaceAll"], (it, [sought, by, ...rest]) => {
    const instead = typeof by === "function" ? by : String(by);
    if (it?.length > AROUND_MOST && /\$[`']/.test(instead)) throw tooLong("texts are");
    return searched(it, [sought, instead, ...rest]) ?? [it, [sought, instead, ...rest]];
  });

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
    [].values().map((it) => it),
    Iterator.from({ next() {} }),
    Iterator.concat([]),
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
