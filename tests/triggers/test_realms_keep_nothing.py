"""A realm serves many events: nothing of one of them is there for the next, and nothing in it leads to the host."""

# ruff: noqa: E501  (the code of triggers, as people write it)

from time import thread_time
from typing import Any

import pytest

from tests.triggers.moments import call, moment, returned
from webapp.triggers import sandbox
from webapp.triggers.hosts import Noting
from webapp.triggers.moment import StepFailed
from webapp.triggers.pool import Job


def twice(code: str) -> list[Any]:
    """What a function makes of two events, one after the other: what it returned, or why it failed."""
    made: list[Any] = []
    for number in (1, 2):
        try:
            made.append(returned(code, number))
        except StepFailed as error:
            made.append(str(error))
    return made


@pytest.mark.parametrize(
    "keep",
    [
        "globalThis.kept = 1",
        "kept = 1",
        "this.kept = 1",
        "(function () { return this })().kept = 1",
        "Function('return this')().kept = 1",
        "Function('this.kept = 1')()",
        "(0, eval)('var kept = 1')",
        "(0, eval)('let kept = 1')",
        "(0, eval)('const kept = 1')",
        "(0, eval)('class kept {}')",
        "(0, eval)('function kept() {}')",
        "(0, eval)('globalThis.kept = 1')",
        "new (async () => {}).constructor('globalThis.kept = 1')()",
        "Object.defineProperty(globalThis, 'kept', { value: 1 })",
        "Object.setPrototypeOf(globalThis, { kept: 1 })",
        "Reflect.setPrototypeOf(Object.prototype, { kept: 1 })",
        "globalThis.__proto__.kept = 1",
    ],
)
def test_globals(keep: str) -> None:
    made = twice(f"() => {{ const was = typeof kept; try {{ {keep} }} catch {{}} return {{ payload: was }} }}")
    assert made == ["undefined"] * 2


BUILT_IN = """
  Object.prototype
  Function.prototype
  Array.prototype
  String.prototype
  Number.prototype
  Boolean.prototype
  Symbol.prototype
  BigInt.prototype
  Date.prototype
  RegExp.prototype
  Promise.prototype
  Error.prototype
  TypeError.prototype
  Map.prototype
  Set.prototype
  WeakMap.prototype
  WeakSet.prototype
  ArrayBuffer.prototype
  SharedArrayBuffer.prototype
  DataView.prototype
  Uint8Array.prototype
  Object.getPrototypeOf(Uint8Array)
  Object.getPrototypeOf(Uint8Array.prototype)
  Proxy
  Reflect
  JSON
  Math
  Atomics
  Iterator
  Iterator.prototype
  Object
  Array
  Promise
  Error
  console
  kv
  log
  publish
  getUserRecentMessages
  logMessage
  performance
  parseInt
  console.log
  kv.get
  globalThis
  Object.getPrototypeOf([].values())
  Object.getPrototypeOf(new Map().keys())
  Object.getPrototypeOf(new Set().keys())
  Object.getPrototypeOf(''[Symbol.iterator]())
  Object.getPrototypeOf(''.matchAll(/./g))
  Object.getPrototypeOf([].values().map((x)=>x))
  Object.getPrototypeOf(Iterator.from({next(){}}))
  Object.getPrototypeOf(Iterator.concat([]))
  Object.getPrototypeOf(function*(){})
  Object.getPrototypeOf(function*(){}).prototype
  Object.getPrototypeOf(async()=>{})
  Object.getPrototypeOf(async function*(){})
  Object.getPrototypeOf(async function*(){}).prototype
  Object.getPrototypeOf(Object.getPrototypeOf(async function*(){}).prototype)
  Object.getPrototypeOf((await getUserRecentMessages('u','c'))[0])
  Object.getOwnPropertyDescriptor(Map.prototype,'size').get
  Object.getOwnPropertyDescriptor(Error.prototype,'name')?.get
""".strip().splitlines()


@pytest.mark.parametrize("expression", [it.strip() for it in BUILT_IN])
def test_what_is_built_in_cannot_be_changed(expression: str) -> None:
    """The prototypes of iterators that ``map`` and ``Iterator.from`` make were once forgotten."""
    code = f"""async () => {{
      await logMessage("u", "c", Date.now());
      const it = {expression}, was = it.kept;
      for (const change of [() => {{ it.kept = 1 }}, () => Object.defineProperty(it, "kept", {{ value: 1 }}),
        () => Object.setPrototypeOf(it, {{ kept: 1 }}), () => {{ it.toString = () => "mine" }}, () => {{ delete it.constructor }}]) {{
        try {{ change() }} catch {{}}
      }}
      return {{ payload: [was ?? null, it.kept ?? null, Object.isFrozen(it), Object.hasOwn(it, "kept")] }};
    }}"""
    assert twice(code) == [[None, None, True, False]] * 2


def test_everything_that_can_be_reached_is_frozen() -> None:
    code = """(event) => {
      const loose = [], seen = new Set();
      const look = (name, it) => {
        if (it === null || (typeof it !== "object" && typeof it !== "function") || seen.has(it)) return;
        seen.add(it);
        if (!Object.isFrozen(it)) loose.push(name);
        look(`${name}.__proto__`, Object.getPrototypeOf(it));
        for (const key of Reflect.ownKeys(it)) {
          const own = Object.getOwnPropertyDescriptor(it, key);
          for (const part of ["value", "get", "set"]) look(`${name}.${String(key)}`, own[part]);
        }
      };
      look("globalThis", globalThis);
      for (const made of [() => {}, function () {}, class {}, { m() {} }.m, async () => {}, function* () {}, async function* () {}, [], {},
        /./, new Date(), 1n, 1, "", true, Symbol(), new Error(), new Map(), new Set(), new WeakMap(), new Proxy({}, {}), Promise.resolve(),
        new Uint8Array(1), new DataView(new ArrayBuffer(1)), [].values(), [].values().map((x) => x), [].values().flatMap((x) => x),
        Iterator.from({ next() {} }), Iterator.concat([]), "".matchAll(/./g), (function () { return arguments })(), new DisposableStack(),
        new AsyncDisposableStack(), new Intl.Collator(), event, event.client]) look(typeof made, Object.getPrototypeOf(Object(made)));
      return { payload: loose };
    }""".replace("new Intl.Collator(), ", "")
    assert returned(code) == []


def test_there_are_no_settings_of_the_engine_that_outlast_an_event() -> None:
    """``Error.prepareStackTrace`` could be set though ``Error`` is frozen, and kept what it closed over."""
    code = """() => {
      const was = [typeof Error.prepareStackTrace, typeof Error.stackTraceLimit, String(new Error("x").stack).includes("kept")];
      for (const set of [() => { Error.prepareStackTrace = () => "kept" }, () => { Error.stackTraceLimit = 0 },
        () => { TypeError.stackTraceLimit = 0 }]) try { set() } catch {}
      return { payload: was };
    }"""
    assert twice(code) == [["undefined", "undefined", False]] * 2


@pytest.mark.parametrize(
    "code",
    [
        "(() => { let n = 0; return () => ({ payload: ++n * 10 }) })()",
        "function f() { f.n = (f.n ?? 0) + 1; return { payload: f.n * 10 } }",
        "() => { class A { static n = 0 } A.n += 1; return { payload: A.n * 10 } }",
        "((all) => () => { all.push(1); return { payload: all.length * 10 } })([])",
        "(function f() { (f.all ??= new Map()).set({}, 1); return { payload: f.all.size * 10 } })",
        "() => { const r = /a/g; r.test('aa'); return { payload: r.lastIndex * 10 } }",
        "() => { const t = ((x) => x)`a`; try { t.n = 1 } catch {} return { payload: (t.n ?? 1) * 10 } }",
        "() => { Symbol.for('a'); return { payload: Symbol.keyFor(Symbol.for('a')) === 'a' ? 10 : 0 } }",
    ],
)
def test_a_function_is_made_anew_for_every_event(code: str) -> None:
    assert twice(code) == [10, 10]


@pytest.mark.parametrize(
    "name", ["WeakRef", "FinalizationRegistry", "process", "require", "fetch", "os", "std", "Worker", "setTimeout"]
)
def test_what_could_reach_out_or_come_back_later_is_not_there(name: str) -> None:
    assert returned(f"() => ({{ payload: typeof {name} }})") == "undefined"


def test_there_are_no_modules() -> None:
    for code in ("async () => { await import('os') }", "() => import('./realm.js')"):
        with pytest.raises(StepFailed, match="could not load"):
            call(code)


def test_promises_that_settle_after_the_end_do_nothing_to_the_next_event() -> None:
    code = """(event) => {
      const late = async () => { for (let i = 0; i < 100; i++) await null; await log("late"); event.payload = "late"; throw new Error("late") };
      if (event.payload === 1) late();
      return { payload: event.payload * 10 };
    }"""
    host = Noting("w")
    assert [returned(code, number, host) for number in (1, 2, 3)] == [10, 20, 30]
    assert host.effects == []


def test_a_realm_with_jobs_without_end_is_not_used_again() -> None:
    code = "(event) => { const again = () => Promise.resolve().then(again); again(); return { payload: event.payload * 10 } }"
    assert twice(code) == [10, 20]


def test_a_thenable_may_call_back_as_often_as_it_likes() -> None:
    code = """(event) => {
      const it = new Promise(() => {});
      it.then = (resolve, reject) => { resolve({ payload: event.payload * 10 }); resolve({ payload: 0 }); resolve(false) };
      return it;
    }"""
    assert [call(code, number).blocks for number in (1, 2)] == [True, True]
    assert (
        returned("async (event) => ({ then(resolve) { resolve({ payload: event.payload * 10 }); resolve(false) } })", 1)
        == 10
    )


def test_answers_of_the_host_cannot_be_made_up() -> None:
    code = "() => ({ payload: 'F' })"
    assert returned(code) == "F"
    assert call('() => { throw \'C[[1,"log",["x"]]]\' }').error == 'C[[1,"log",["x"]]]'
    assert returned("() => ({ payload: { toJSON: () => 'C[]' } })") == "C[]"


def test_an_event_may_be_wrapped_replaced_or_given_getters() -> None:
    assert returned("(event) => { event = new Proxy(event, {}); event.payload = 3; return event }", 1) == 3
    assert returned("(event) => new Proxy(event, { get: (it, key) => key === 'payload' ? 4 : it[key] })", 1) == 4
    assert returned("(event) => { let n = 0; return { get payload() { return ++n } } }", 0) == 1
    assert returned("(event) => Object.create({ payload: 5 })", 1) == 5
    assert returned(
        "(event) => ({ payload: { a: undefined, b: () => 1, [Symbol()]: 1, c: NaN, d: new Date(0) } })", 1
    ) == {
        "c": None,
        "d": "1970-01-01T00:00:00.000Z",
    }


def test_payloads_that_pollute_stay_payloads() -> None:
    at = moment(b'{"__proto__":{"role":"agent"},"constructor":{"prototype":{"role":"agent"}}}')
    script = sandbox.Script.expression(
        "({}).role === undefined && event.payload.role === undefined && Object.hasOwn(event.payload, '__proto__')"
    )
    assert sandbox.is_true(script, at)


def test_errors_and_classes_can_be_used_as_usual() -> None:
    code = """() => {
      class Refused extends Error { constructor(why) { super(why); this.name = "Refused"; this.code = 7 } toString() { return "mine" } }
      const plain = new Error("a"); plain.name = "Named"; plain.message = "b"; plain.toString = () => "own";
      const of = { constructor: 1, toString() { return "of" }, valueOf: () => 5 }; of.hasOwnProperty = 1;
      const error = new Refused("why");
      return { payload: [error.name, error.code, String(error), error instanceof Error, plain.name, plain.message, String(plain),
        String(of), of + 1, of.hasOwnProperty, Object.keys(plain)] };
    }"""
    assert returned(code) == [
        "Refused", 7, "mine", True, "Named", "b", "own", "of", 6, 1, ["name", "toString"],
    ]  # fmt: skip
    assert call("() => { class Mine extends Error {} throw new Mine('told') }").error == "told"
    assert call("() => { const error = new Error('told'); error.name = 'Named'; throw error }").error == "told"


def test_scripts_do_not_see_each_other() -> None:
    assert returned("() => { try { Array.mine = 1 } catch {} return { payload: 1 } }") == 1
    assert returned("() => ({ payload: typeof Array.mine })") == "undefined"
    host = Noting("w")
    for trigger in ("a", "b"):
        at = moment(0, host, trigger)
        code = "async () => ({ payload: await kv.increment('n') })"
        assert sandbox.call(sandbox.Script.function(code, 0.5, 16 << 20), at).payload == b"1"


def test_no_realm_holds_on_to_much_memory() -> None:
    """Each thread keeps 64 scripts ready, and each could leave its whole 64 MiB behind: 24 of them took 1.4 GB."""
    code = "(event) => { const it = [event]; it.self = it; it.big = new Uint8Array(8 << 20).fill(1) }"
    realms: dict[Any, Any] = {}
    job = Job(sandbox.Script.function(code, 0.5, 16 << 20), moment(1).text, 0.5, 5.0)
    job.cpu = thread_time()
    sandbox.run_on_this_thread(job, realms)
    assert job.told == "U"
    (realm,) = realms.values()
    assert realm.size <= sandbox.KEPT_MOST
