// One card: what a person sees of a test client and does with it.

import { Client, Refused } from "./client.js";
import { Frames, make } from "./frames.js";

const KEPT_FIELDS = ["who", "protocol", "user", "extras", "claims", "channel", "presence", "history", "audience", "to", "payload"];
const STATES = {
  idle: ["silent", "not connected"],
  connecting: ["changed", "connecting"],
  connected: ["allowed", "connected"],
  waiting: ["changed", "coming back"],
  ended: ["denied", "ended"],
};
let numbers = 0;

export class Card {
  // `bench` gives {template, protocols, client(options), inspector, changed(), duplicate(card), remove(card), trace(card)}.
  constructor(bench, kept = {}) {
    this.bench = bench;
    this.number = ++numbers;
    this.node = bench.template.content.firstElementChild.cloneNode(true);
    this.unique();
    const part = (name) => this.node.querySelector(`[data-${name}]`);
    this.part = part;
    this.fields = Object.fromEntries([...this.node.querySelectorAll("[data-field]")].map((field) => [field.dataset.field, field]));
    for (const [name, module] of Object.entries(bench.protocols)) this.fields.protocol.append(new Option(module.label, name));
    this.value = kept;
    part("number").textContent = `Client ${this.number}`;
    this.frames = new Frames(part("log"), part("frames"), part("frame-count"));
    this.client = bench.client((change) => this.heard(change));
    this.listen();
    this.show();
  }

  // Ids and what refers to them are the template's: here they get the card's number.
  unique() {
    for (const [attribute, selector] of [["id", "[id]"], ["for", "label[for]"], ["aria-describedby", "[aria-describedby]"]]) {
      for (const node of this.node.querySelectorAll(selector)) node.setAttribute(attribute, `${node.getAttribute(attribute)}-${this.number}`);
    }
  }

  get value() {
    return Object.fromEntries(KEPT_FIELDS.map((name) => [name, this.fields[name].type === "checkbox" ? this.fields[name].checked : this.fields[name].value]));
  }

  set value(kept) {
    for (const name of KEPT_FIELDS) {
      if (!(name in kept)) continue;
      if (this.fields[name].type === "checkbox") this.fields[name].checked = kept[name] === true;
      else this.fields[name].value = String(kept[name]);
    }
    for (const name of ["who", "protocol", "audience"]) if (!this.fields[name].value) this.fields[name].selectedIndex = 0;
  }

  get channel() {
    return this.fields.channel.value;
  }

  get identity() {
    const { who, user, extras, claims } = this.value;
    return { who, user: who === "user" ? user : "", extras: who === "user" ? extras : "", claims: who === "claims" ? claims : "" };
  }

  listen() {
    const { part, client } = this;
    part("connect").addEventListener("click", () => this.connect());
    part("disconnect").addEventListener("click", () => client.disconnect());
    part("renew").addEventListener("click", () => this.attempt(() => client.renew()));
    part("duplicate").addEventListener("click", () => this.bench.duplicate(this));
    part("remove").addEventListener("click", () => this.bench.remove(this));
    part("clear").addEventListener("click", () => this.frames.clear());
    part("leave").addEventListener("click", () => client.leave(this.channel));
    part("trace-card").addEventListener("click", () => this.bench.trace(this));
    part("join-form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (client.state === "connected" && this.channel) this.join();
    });
    part("send-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.node.addEventListener("input", () => {
      this.show();
      this.bench.changed();
    });
  }

  // What a person does

  async connect() {
    this.part("trouble").hidden = true;
    const identity = this.node.querySelector(".identity");
    await this.attempt(() => this.client.connect(this.identity, this.bench.protocols[this.fields.protocol.value]));
    if (this.client.state !== "ended") identity.open = false;
  }

  async attempt(act) {
    this.problems({});
    try {
      await act();
    } catch (error) {
      if (!(error instanceof Refused)) console.info(error.message);
      this.problems(error instanceof Refused ? error.problems : { "": "The server can't be reached." });
    }
  }

  join() {
    const { presence, history } = this.value;
    this.client.join(this.channel, { presence, history });
  }

  send() {
    const { audience, to, payload } = this.value;
    const problem = this.part("payload-problem");
    let wrong = "";
    try {
      JSON.parse(payload);
    } catch {
      wrong = 'This is not JSON. Write for example {"hello": "world"}.';
    }
    if (!wrong && audience === "private" && !to) wrong = "Choose the socketId of another client.";
    problem.textContent = wrong;
    problem.hidden = !wrong;
    if (!wrong && this.client.state === "connected") this.client.send(this.channel, { audience, to, payload: payload.trim() });
  }

  problems(problems) {
    const { fields } = this;
    for (const name of ["user", "extras", "claims"]) {
      const wrong = name in problems;
      if (wrong) fields[name].setAttribute("aria-invalid", "true");
      else fields[name].removeAttribute("aria-invalid");
      fields[name].parentElement.querySelector(".error")?.remove();
      if (wrong) fields[name].parentElement.append(make("p", "error", problems[name]));
    }
    const whole = Object.entries(problems).filter(([name]) => !["user", "extras", "claims"].includes(name));
    const place = this.part("problem");
    place.textContent = whole.map(([, text]) => text).join(" ");
    place.hidden = !whole.length;
    const first = ["user", "extras", "claims"].find((name) => name in problems);
    if (first) {
      this.node.querySelector(".identity").open = true;
      fields[first].focus();
    }
  }

  // What the client tells

  heard(change) {
    if (change.type === "frame") {
      this.frames.add(change);
      if (change.out || !change.said || change.said.type === "other") return;
      if (change.said.type === "error") this.trouble(change.said);
      else if (change.said.type === "joined") this.part("trouble").hidden = true;
    }
    this.show();
    this.bench.changed();
  }

  trouble({ code, text, ref }) {
    const place = this.part("trouble");
    const why = make("a", null, "Why?");
    why.target = "_blank"; // leaving this page would end its clients
    why.rel = "noopener";
    why.href = `${this.bench.inspector}?selected=${encodeURIComponent(ref ?? "")}`;
    place.replaceChildren(make("code", "code", code), " ", make("span", null, text), " ");
    if (ref) place.append(why);
    place.hidden = false;
  }

  show() {
    const { client, part, fields, node } = this;
    const { who, user, audience } = this.value;
    const on = client.state === "connected";
    const busy = on || client.state === "connecting" || client.state === "waiting";
    node.dataset.state = client.state;
    node.dataset.who = who;
    node.dataset.audience = audience;
    const [verdict, words] = STATES[client.state];
    const status = part("status");
    status.className = `verdict ${verdict}`;
    const said = client.why ? `${words}: ${client.why}` : words;
    if (status.textContent !== said) status.textContent = said;
    part("socket").textContent = client.id ?? "";
    part("title").textContent = this.title(who, user);
    part("spoken").textContent = fields.protocol.selectedOptions[0]?.text ?? "";
    part("connect").hidden = busy;
    part("disconnect").hidden = !busy;
    for (const name of ["who", "protocol", "user", "extras", "claims"]) fields[name].disabled = busy;
    const room = client.joined.get(this.channel);
    part("join").disabled = !on || !this.channel;
    part("join").hidden = Boolean(room) && !room.unsure;
    part("join").textContent = room ? "Join again" : "Join";
    part("leave").hidden = !room;
    part("send").disabled = !on || !this.channel;
    node.dataset.joined = room ? "yes" : "";
    this.present(room);
    this.tick();
  }

  title(who, user) {
    const token = this.client.state === "idle" ? null : this.client.token;
    if (token && token.user) return token.user;
    if (who === "user") return user || "a user";
    return who === "claims" ? "custom claims" : "anonymous";
  }

  present(room) {
    const { part } = this;
    const clients = room ? [...room.clients.values()] : [];
    part("presence").hidden = !clients.length;
    part("presence-count").textContent = String(clients.length);
    const shown = clients.slice(0, 100).map(({ id, extras }) => {
      const item = make("li");
      const pick = make("button", "mono-link", id);
      pick.type = "button";
      pick.title = "Write to this one in private";
      pick.addEventListener("click", () => {
        this.fields.audience.value = "private";
        this.fields.to.value = id;
        this.show();
        this.bench.changed();
      });
      item.append(pick);
      const more = JSON.stringify(extras ?? {});
      if (more !== "{}") item.append(" ", make("bdi", "mono", more.length > 120 ? `${more.slice(0, 120)}…` : more));
      if (id === this.client.id) item.append(" ", make("span", "tag", "this one"));
      return item;
    });
    part("present").replaceChildren(...shown);
    if (clients.length > shown.length) part("present").append(make("li", "help", `and ${clients.length - shown.length} more`));
  }

  tick() {
    const { client, part } = this;
    const left = Math.max(0, Math.round(client.left / 1000));
    part("expiry").hidden = !client.token || client.state === "idle";
    part("left").textContent = left ? `token valid for ${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}` : "token expired";
    part("left").classList.toggle("soon", left < 60);
  }

  remove() {
    this.client.disconnect();
    this.node.remove();
  }
}

export { Client };
