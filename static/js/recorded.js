// Recorded lines: choosing one shows its way beside them. A file that is brought stays here; the server is sent the part
// that is shown, checks it and answers with its lines.

const PART = 512 * 1024; // bytes of a file sent at once; more where a filter looks for few, or a line is longer
const FILTERS = ["channel", "client", "user", "verdict", "code", "action", "text"];

const panes = document.querySelector(".panes");
const form = document.getElementById("bring");

function mark(row) {
  for (const line of document.querySelectorAll(".lines [aria-current]")) line.removeAttribute("aria-current");
  row?.setAttribute("aria-current", "true");
}

const isPlain = (event) => !(event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);

// htmx names the target of what a script asks for only when it is told to.
const fetchInto = (url, target) => htmx.ajax("GET", url, { target, swap: "outerHTML", headers: { "HX-Target": `div${target}` } });

// A stored recording

async function look(row) {
  mark(row);
  history.replaceState(null, "", row.href);
  await fetchInto(row.href, "#look");
  document.getElementById("look")?.scrollTo(0, 0);
}

// A file

let file = null;
let size = 0; // where its last whole line ends
let pages = []; // where each page that was shown begins: {place, first}, the last one is the one in sight
let next = null;
let turn = 0;

const state = document.querySelector("[data-state]");
const buttons = Object.fromEntries([...document.querySelectorAll("[data-turn]")].map((button) => [button.dataset.turn, button]));
const search = () => {
  const given = [...new URLSearchParams(location.search)].filter(([name, value]) => FILTERS.includes(name) && value);
  return given.length ? `?${new URLSearchParams(given)}` : "";
};
const say = (text) => (state.textContent = text);
const digits = new Intl.NumberFormat("en");

const lastLine = async (blob) => new Uint8Array(await blob.arrayBuffer()).lastIndexOf(10) + 1;

async function whole() {
  for (let end = file.size; end > 0; end -= PART) {
    const from = Math.max(end - PART, 0);
    const found = await lastLine(file.slice(from, end));
    if (found) return from + found;
  }
  return 0;
}

// Whole lines from a place on; null where a single one is longer than the server takes.
async function part(place) {
  const most = Number(form.dataset.partMost);
  for (let length = search() ? PART * 4 : PART; ; length = Math.min(length * 4, most)) {
    const blob = file.slice(place, Math.min(place + length, size));
    const end = await lastLine(blob);
    if (end) return blob.slice(0, end);
    if (length === most) return null;
  }
}

const post = (url, blob, values, target) =>
  htmx.ajax("POST", url, { source: form, target, swap: "outerHTML", values: { ...values, part: new File([blob], "part") } });

async function show(page) {
  const mine = ++turn;
  let { place, first } = page;
  say("Reading …");
  while (place < size) {
    const blob = await part(place);
    if (mine !== turn) return;
    if (!blob) return end(null, first, `Line ${digits.format(first)} is too large to be shown.`);
    const before = document.getElementById("lines");
    await post(form.action + search(), blob, { place, first }, "#lines");
    if (mine !== turn) return;
    const lines = document.getElementById("lines");
    if (lines === before) return end(place, first, "The server did not answer; try again.");
    const { taken, lines: count, found, problem } = lines.dataset;
    place += Number(taken);
    first += Number(count);
    const over = problem || place >= size;
    if (over || Number(found)) return end(over ? null : place, first, problem ? "" : told(page.first, first, place, over));
    say(`Looked through ${digits.format(first - 1)} lines …`);
  }
  document.getElementById("lines").replaceChildren();
  end(null, first, told(page.first, first, place, true));
}

function told(from, to, place, over) {
  const cut = over && size < file.size ? "; the file ends within a line: it was cut off there" : "";
  if (to === from) return file.size ? "No whole line: this is no recording." : "This file is empty.";
  return `Lines ${digits.format(from)} to ${digits.format(to - 1)} of the file${over ? ", its last" : ""}${cut}`;
}

function end(place, first, text) {
  next = place === null ? null : { place, first };
  say(text);
  buttons.first.disabled = buttons.earlier.disabled = pages.length < 2;
  buttons.later.disabled = !next;
}

function open(page, before = []) {
  pages = [...before, page];
  closeLook();
  return show(page);
}

const START = { place: 0, first: 1 };
const turns = {
  first: () => open(START),
  earlier: () => open(pages.at(-2), pages.slice(0, -2)),
  later: () => open(next, pages),
};

function closeLook() {
  mark(null);
  const look = document.getElementById("look");
  if (look) look.replaceChildren();
  panes.classList.add("alone");
}

async function lookAt(row) {
  mark(row);
  const [from, to] = row.hash.slice(1).split("-").map(Number);
  await post(form.dataset.look, file.slice(from, to), {}, "#look");
  panes.classList.remove("alone");
  document.getElementById("look")?.scrollTo(0, 0);
}

function filter(searching) {
  history.replaceState(null, "", form.dataset.page + searching);
  fetchInto(form.dataset.page + search(), "#filter");
  open(START);
}

if (form) {
  form.addEventListener("submit", (event) => event.preventDefault());
  form.querySelector("input[type=file]").addEventListener("change", async ({ target }) => {
    file = target.files[0] ?? null;
    panes.hidden = !file;
    if (!file) return;
    size = await whole();
    open(START);
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches(".filter-form")) return;
    event.preventDefault();
    const given = [...new FormData(event.target)].filter(([, value]) => value.trim());
    filter(`?${new URLSearchParams(given)}`);
  });
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-turn]");
  if (button) return turns[button.dataset.turn]();
  const row = event.target.closest(".lines a.line");
  if (!isPlain(event)) return;
  if (row) {
    event.preventDefault();
    return form ? lookAt(row) : look(row);
  }
  if (!form) return;
  const link = event.target.closest("a[data-filter]");
  if (!link) return;
  event.preventDefault();
  if (link.matches(".close-look")) closeLook();
  else filter(new URL(link.href).search);
});

document.addEventListener("change", (event) => {
  if (event.target.matches(".filter-form select")) event.target.form.requestSubmit();
});
