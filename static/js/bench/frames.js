// The frames of one test client, newest last: bounded, counted, written as text.

const KEPT = 500;
const SHORT = 160; // characters that a line shows
const digits = new Intl.NumberFormat("en");

export const make = (name, className, text) => {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text != null) node.textContent = text;
  return node;
};

const two = (n, width = 2) => String(n).padStart(width, "0");
const clock = (at) => `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${two(at.getMilliseconds(), 3)}`;

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

const short = (text) => (text.length > SHORT ? `${text.slice(0, SHORT)}…` : text);

// Folded it is one line; what is in it is written out when somebody opens it, for a flood would cost twice.
function row({ out, text, said, at }) {
  const item = make("li", `frame ${out ? "out" : "in"}${said?.type === "error" ? " denied" : ""}`);
  const fold = make("details");
  const head = make("summary");
  head.append(make("span", "way", out ? "→" : "←"), make("span", "sr", out ? "sent" : "received"), make("time", "tabular", clock(at)));
  head.append(make("strong", null, said?.action ?? ""), make("bdi", "mono", short(said ? JSON.stringify(said.payload) ?? "" : text)));
  head.tabIndex = -1; // the log is one stop of the Tab key; arrows go on from there
  fold.append(head);
  fold.addEventListener("toggle", () => {
    if (!fold.open || fold.querySelector("pre")) return;
    const whole = make("pre", null, pretty(text));
    whole.tabIndex = 0; // it may scroll
    fold.append(whole);
  });
  item.append(fold);
  return item;
}

export class Frames {
  // `box` is what scrolls and holds the list.
  constructor(box, list, counter) {
    this.box = box;
    this.list = list;
    box.addEventListener("keydown", (event) => this.walk(event));
    this.counter = counter;
    this.total = 0;
    this.waiting = [];
    this.due = false;
  }

  add(frame) {
    this.total++;
    this.waiting.push({ ...frame, at: new Date() });
    if (this.waiting.length > KEPT) this.waiting.shift();
    if (this.due) return;
    this.due = true;
    // A hidden page draws nothing; a timer brings it up to date all the same.
    if (document.hidden) setTimeout(() => this.draw(), 250);
    else requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.due = false;
    const { box, list } = this;
    const stick = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
    list.append(...this.waiting.map(row));
    this.waiting = [];
    while (list.childElementCount > KEPT) list.firstElementChild.remove();
    const left = this.total - list.childElementCount;
    this.counter.textContent = digits.format(this.total) + (left > 0 ? `, the last ${digits.format(list.childElementCount)} shown` : "");
    if (stick) box.scrollTop = box.scrollHeight;
  }

  walk(event) {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!by || event.altKey || event.ctrlKey || event.metaKey) return;
    const rows = [...this.list.querySelectorAll("summary")];
    const at = rows.indexOf(document.activeElement);
    const next = rows[at < 0 ? rows.length - 1 : at + by];
    if (!next) return;
    event.preventDefault();
    next.focus();
  }

  clear() {
    this.total = 0;
    this.waiting = [];
    this.list.replaceChildren();
    this.counter.textContent = "0";
  }
}
