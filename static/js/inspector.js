// The inspector's stream: lines as they pass, filtered by the address, paused, sampled; and what is selected.

const KEPT = 500; // lines in the page
const FADING = 8; // lines at once that fade in
const FILTERS = ["channel", "client", "user", "verdict", "code", "action", "text"];
const SIDE = ["tab", "q", "open", "unfold", "page"];

const stream = document.getElementById("stream");
const panes = document.querySelector(".panes");
const list = stream.querySelector(".lines");
const box = stream.querySelector(".lines-box");
const nothing = stream.querySelector("[data-nothing]");
const state = stream.querySelector("[data-state]");
const leftOut = stream.querySelector("[data-left-out]");
const pause = stream.querySelector("[data-pause]");
const below = stream.querySelector("[data-below]");
const numbers = Object.fromEntries([...document.querySelectorAll("[data-number]")].map((node) => [node.dataset.number, node]));
const icons = pause.querySelector("use").getAttribute("href").split("#")[0];
const digits = new Intl.NumberFormat("en");

const make = (name, className, text) => {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text != null) node.textContent = text;
  return node;
};

// Lines

const two = (n, width = 2) => String(n).padStart(width, "0");

export function clock(ms) {
  const at = new Date(ms);
  return `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}.${two(at.getUTCMilliseconds(), 3)}`;
}

export const took = (ms) => (ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : ms >= 10 ? `${Math.round(ms)} ms` : `${ms.toFixed(2)} ms`);

const VERDICTS = { allowed: "allowed", denied: "denied", silent: "reached nobody" };

// Mirrors templates/inspector/_line.html.
function row(line) {
  const item = make("li");
  const link = make("a", `line ${line.verdict}`);
  link.href = address({ selected: line.id });
  link.dataset.row = "";
  link.dataset.id = line.id;
  const verdict = make("span", `verdict ${line.verdict}`);
  verdict.append(make("span", "sr", VERDICTS[line.verdict]));
  link.append(verdict, make("time", "at", clock(line.at)), make("bdi", "channel", line.channel ?? ""));
  const from = make("span", "from");
  if (line.user != null) from.append(make("bdi", null, line.user));
  else from.append(make("span", "none", line.socket != null ? "anonymous" : line.by ? "" : "the server"));
  if (line.test) from.append(" ", make("span", "tag", "test"));
  if (line.by) from.append(" ", make("span", "tag", `by ${line.by}`));
  if (line.socket) from.append(" ", make("bdi", "socket", line.socket));
  const what = make("span", "what");
  if (line.code) what.append(make("code", "code", line.code), " ");
  what.append(line.what);
  if (line.to) what.append(" to ", make("bdi", "mono", line.to));
  if (line.payload != null) what.append(" ", make("bdi", "preview", line.payload));
  link.append(from, what, make("bdi", "rule", line.rule ?? ""), make("span", "num to", line.recipients == null ? "" : digits.format(line.recipients)));
  link.append(make("span", "num took", line.took == null ? "" : took(line.took)));
  if (line.id === selected()) link.setAttribute("aria-current", "true");
  item.append(link);
  return item;
}

const plural = (n, one, many = `${one}s`) => `${digits.format(n)} ${n === 1 ? one : many}`;

function gap(left, missed) {
  const words = [];
  if (left) words.push(`${plural(left, "more line")} not shown`);
  if (missed) words.push(`${digits.format(missed)} passed too fast to be read`);
  return make("li", "gap", words.join(", "));
}

let total = { left: 0, missed: 0 };
let held = [];
let paused = false;

// All that is to be shown at once is put in at once: reading sizes in between would lay the page out each time.
function show(batches) {
  const stick = box.scrollHeight - box.scrollTop - box.clientHeight < 48;
  let begins = false;
  let rows = [];
  for (const batch of batches) {
    if (batch.begins) [begins, rows] = [true, []];
    if (batch.left_out || batch.missed) {
      total.left += batch.left_out;
      total.missed += batch.missed;
      rows.push(gap(batch.left_out, batch.missed));
    }
    rows.push(...batch.lines.map(row));
  }
  // Many at once don't fade in: each would be a layer of its own to draw.
  if (!begins && rows.length <= FADING) for (const item of rows) item.classList.add("new");
  if (begins) list.replaceChildren(...rows);
  else list.append(...rows);
  while (list.childElementCount > KEPT) list.firstElementChild.remove();
  nothing.hidden = list.childElementCount > 0;
  if (!nothing.hidden) nothing.textContent = filtered() ? "Nothing that this filter takes has passed yet." : "Nothing has passed yet. Connect a client, or use the test bench.";
  if (stick || begins) box.scrollTop = box.scrollHeight;
  else if (rows.length) below.hidden = false;
  const parts = [];
  if (total.left) parts.push(`${plural(total.left, "line")} left out`);
  if (total.missed) parts.push(`${digits.format(total.missed)} missed`);
  leftOut.textContent = parts.join(", ");
}

box.addEventListener("scroll", () => {
  if (box.scrollHeight - box.scrollTop - box.clientHeight < 48) below.hidden = true;
});
below.addEventListener("click", () => (box.scrollTop = box.scrollHeight));

// Numbers: the workspace's own counts, exact whatever is left out above

let first = null;
let before = null;
let rate = null; // messages a second, or lines where a filter takes some
let told = 0;

function count(now) {
  if (!first || now.messages < first.messages) first = now;
  for (const name of ["messages", "deliveries", "denials"]) numbers[name].textContent = digits.format(now[name] - first[name]);
  numbers.clients.textContent = digits.format(now.clients);
  const at = performance.now();
  if (before && now.messages >= before.messages) {
    const seconds = (at - before.at) / 1000;
    if (seconds < 1) return;
    rate = (filtered() ? told : now.messages - before.messages) / seconds;
  }
  told = 0;
  before = { at, messages: now.messages };
}

setInterval(() => {
  if (before && performance.now() - before.at > 2500) rate = 0;
  tell();
}, 1000);

// Pausing

function hold(batch) {
  if (batch.begins) held = [];
  held.push(batch);
  let lines = held.reduce((sum, each) => sum + each.lines.length, 0);
  while (lines > KEPT && held.length > 1) {
    const gone = held.shift();
    lines -= gone.lines.length;
    held[0].matched += gone.matched;
    held[0].left_out += gone.lines.length + gone.left_out;
    held[0].missed += gone.missed;
  }
}

function toggle() {
  paused = !paused;
  pause.setAttribute("aria-pressed", paused);
  pause.querySelector("use").setAttribute("href", `${icons}#${paused ? "play" : "pause"}`);
  pause.querySelector("span").textContent = paused ? "Resume" : "Pause";
  if (!paused) {
    const all = held;
    held = [];
    show(all);
  }
  tell();
}

pause.addEventListener("click", toggle);
stream.querySelector("[data-clear]").addEventListener("click", () => {
  list.replaceChildren();
  held = [];
  total = { left: 0, missed: 0 };
  leftOut.textContent = "";
  below.hidden = true;
  nothing.hidden = false;
  nothing.textContent = "Cleared. What passes from now on is shown here.";
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && selected() && !event.target.closest("input, textarea, select, dialog, details[open]")) {
    document.querySelector("#look .close-look")?.click();
    return;
  }
  if (event.key !== "p" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select") || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  toggle();
});

// The socket

let socket = null;
let fresh = true; // what comes first is what the page is to show
let wait = 1000;
let open = false;

function tell() {
  if (!open) return;
  const words = rate ? `, ${plural(Math.max(1, Math.round(rate)), filtered() ? "line" : "message")}/s` : rate === 0 ? ", quiet" : "";
  const waiting = held.reduce((sum, batch) => sum + batch.matched + batch.missed, 0);
  const text = paused ? `Paused; ${plural(waiting, "line")} passed since` : `Live${words}`;
  if (state.textContent !== text) state.textContent = text;
}

let changedAt = 0;
let changing = 0;

function changed() {
  if (changing) return;
  changing = setTimeout(() => {
    changing = 0;
    changedAt = performance.now();
    document.dispatchEvent(new CustomEvent("inspector:changed"));
  }, Math.max(0, changedAt + 1000 - performance.now()));
}

function connect() {
  const url = new URL(stream.dataset.stream, location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  for (const name of FILTERS) if (params().get(name)) url.searchParams.set(name, params().get(name));
  const mine = new WebSocket(url);
  let opened = false;
  socket = mine;
  mine.onopen = () => {
    opened = open = true;
    wait = 1000;
  };
  mine.onmessage = ({ data }) => {
    if (socket !== mine) return;
    const batch = JSON.parse(data);
    count(batch.numbers);
    // What another filter takes replaces what the page shows, paused or not.
    if (paused && !(batch.begins && fresh)) hold(batch);
    else show([batch]);
    if (batch.begins) fresh = false;
    else told += batch.matched;
    if (batch.changed) changed();
    tell();
  };
  mine.onclose = async ({ code }) => {
    if (socket !== mine) return;
    open = false;
    if (code === 4401) return location.reload();
    state.textContent = "The connection is lost; trying again.";
    if (!opened && (await signedOut())) return location.reload();
    setTimeout(() => socket === mine && connect(), wait);
    wait = Math.min(wait * 2, 15_000);
  };
}

async function signedOut() {
  try {
    const answer = await fetch(stream.dataset.chips, { redirect: "manual" });
    return answer.type === "opaqueredirect" || answer.status === 404;
  } catch {
    return false;
  }
}

function reopen() {
  fresh = true;
  const old = socket;
  socket = null;
  old?.close();
  total = { left: 0, missed: 0 };
  held = [];
  connect();
}

// The address: filter, what is selected, and what the left pane shows

const params = () => new URLSearchParams(location.search);
const selected = () => panes.dataset.selected;
const filtered = () => FILTERS.some((name) => params().get(name));
const filterOf = (search) => FILTERS.map((name) => search.get(name) ?? "").join("\n");

function address(change, from = params()) {
  for (const [name, value] of Object.entries(change)) value ? from.set(name, value) : from.delete(name);
  const search = from.toString();
  return stream.dataset.page + (search ? `?${search}` : "");
}

// Each part asks for itself, one request after the other, and of what waits only the newest is still wanted: htmx would
// keep the first one that waits and drop the rest.
const due = new Map();
const busy = new Map();

function fetchInto(url, target, swap) {
  due.set(target, [url, swap]);
  if (!busy.has(target)) busy.set(target, fetchDue(target).finally(() => busy.delete(target)));
  return busy.get(target);
}

async function fetchDue(target) {
  for (let next; (next = due.get(target)); ) {
    due.delete(target);
    await htmx.ajax("GET", next[0], { target, swap: next[1], source: target });
  }
}

async function look(id) {
  panes.dataset.selected = id;
  for (const line of list.querySelectorAll("[aria-current]")) line.removeAttribute("aria-current");
  list.querySelector(`[data-id="${CSS.escape(id)}"]`)?.setAttribute("aria-current", "true");
  const url = id ? stream.dataset.look.replace(/0$/, encodeURIComponent(id)) : stream.dataset.look.replace(/0$/, "none");
  const search = new URLSearchParams([...params()].filter(([name]) => FILTERS.includes(name)));
  await fetchInto(`${url}?${search}`, "#look", "outerHTML");
  document.getElementById("look")?.scrollTo(0, 0);
}

function follow(now, was) {
  const other = filterOf(now) !== filterOf(was);
  if (other) {
    reopen();
    fetchInto(stream.dataset.chips + location.search, "#filter", "outerHTML");
  }
  for (const link of document.querySelectorAll("a[data-with-filter]")) {
    const to = new URL(link.href);
    for (const name of FILTERS) now.get(name) ? to.searchParams.set(name, now.get(name)) : to.searchParams.delete(name);
    link.href = to;
  }
  const side = SIDE.some((name) => now.getAll(name).join("\n") !== was.getAll(name).join("\n"));
  if (other || side) fetchInto(stream.dataset.side + location.search, "#side", "outerMorph");
  const id = now.get("selected") ?? "";
  if (id !== selected()) look(id);
}

let last = params();

function go(url) {
  history.pushState(null, "", url);
  const was = last;
  last = params();
  follow(last, was);
}

// Going back and forth within this page is ours; htmx would fetch and replace the whole of it.
document.addEventListener("htmx:before:history:restore", (event) => {
  if (event.detail.path.split("?")[0] === stream.dataset.page) event.preventDefault();
});
addEventListener("popstate", () => {
  const was = last;
  last = params();
  follow(last, was);
});

// What the left pane shows stays as it is; its own links say all of it themselves.
function keepSide(to) {
  for (const name of SIDE) for (const value of to.has(name) ? [] : params().getAll(name)) to.append(name, value);
}

document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest("a[data-filter], .lines a.line");
  if (!link) return;
  event.preventDefault();
  if (link.matches(".line")) return go(address({ selected: link.dataset.id }));
  const to = new URL(link.href).searchParams;
  if (!link.closest("#side")) keepSide(to);
  if (!link.matches(".close-look") && !to.has("selected") && selected()) to.set("selected", selected());
  go(address({}, to));
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches(".filter-form")) return;
  event.preventDefault();
  const to = new URLSearchParams();
  for (const [name, value] of new FormData(event.target)) if (value.trim()) to.set(name, value.trim());
  keepSide(to);
  if (selected()) to.set("selected", selected());
  go(address({}, to));
});

document.addEventListener("change", (event) => {
  if (event.target.matches(".filter-form select")) event.target.form.requestSubmit();
});

connect();
