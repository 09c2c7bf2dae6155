// The test bench: cards, each a real client. What they are is kept in this tab's session storage, so that a reload brings
// them back; tokens are kept in memory alone.

import { Card, Client } from "./bench/card.js";
import { Refused } from "./bench/client.js";

const MOST = 12;
const section = document.getElementById("bench");
const { token, ids, inspector, canonical } = section.dataset;
const endpoints = JSON.parse(section.dataset.endpoints);
const closes = JSON.parse(section.dataset.closes);
const store = `tidegate.bench.${canonical}`;
const channel = document.getElementById("channel");
const list = section.querySelector("[data-cards]");
const sockets = document.getElementById("sockets");
const add = section.querySelector("[data-add]");
const all = section.querySelector("[data-all]");
const cards = [];

// What the server is asked

async function post(url, fields) {
  const body = new FormData();
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  const answer = await fetch(url, {
    method: "POST", body, redirect: "manual", headers: { Accept: "application/json", "X-CSRFToken": document.querySelector("meta[name=csrf-token]").content },
  });
  const said = answer.headers.get("Content-Type")?.startsWith("application/json") ? await answer.json() : null;
  if (answer.ok && said) return said;
  if (said?.problems) throw new Refused(said.problems);
  // Who signs in again gets another CSRF token: with the old one the answer is 400.
  if (answer.type === "opaqueredirect" || answer.status === 400) throw new Refused({ "": "You were signed out. Load the page again." });
  throw new Refused({ "": "The server did not make a token. Load the page again; your role may have changed." });
}

async function socketOf(jti) {
  const answer = await fetch(`${ids}?jti=${encodeURIComponent(jti)}`, { headers: { Accept: "application/json" }, redirect: "error" });
  return (await answer.json())[jti];
}

// Cards

const bench = {
  template: document.getElementById("card"),
  protocols: {},
  inspector,
  client: (tell) => new Client({ closes, tell, ask: (identity) => post(token, identity), find: socketOf }),
  changed: () => keep(),
  duplicate: (card) => put(card.value, card).fields.who.focus(),
  remove(card) {
    const at = cards.indexOf(card);
    cards.splice(at, 1);
    card.remove();
    (cards[at] ?? cards[at - 1])?.part("remove").focus();
    if (!cards.length) add.focus();
    keep();
  },
  trace,
};

function put(kept, after) {
  if (cards.length >= MOST) return after;
  const card = new Card(bench, { channel: channel.value, ...kept });
  cards.splice(after ? cards.indexOf(after) + 1 : cards.length, 0, card);
  after ? after.node.after(card.node) : list.append(card.node);
  keep();
  return card;
}

function keep() {
  section.querySelector("[data-empty]").hidden = cards.length > 0;
  section.querySelector("[data-count]").textContent = cards.length ? `${cards.length} of at most ${MOST}` : "";
  add.disabled = cards.length >= MOST;
  for (const card of cards) card.part("duplicate").disabled = cards.length >= MOST;
  offer();
  sessionStorage.setItem(store, JSON.stringify(cards.map((card) => card.value)));
}

// Whom one can write to: the cards' own ids first, then who else is present.
function offer() {
  const found = new Map();
  for (const card of cards) if (card.client.id) found.set(card.client.id, `Client ${card.number}, ${card.part("title").textContent}`);
  for (const card of cards) {
    for (const room of card.client.joined.values()) for (const id of room.clients.keys()) if (!found.has(id)) found.set(id, "present");
  }
  const options = [...found].slice(0, 200).map(([id, words]) => new Option(words, id));
  sockets.replaceChildren(...options);
}

function restore() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(store) ?? "[]");
    for (const each of Array.isArray(kept) ? kept.slice(0, MOST) : []) put({ ...each });
  } catch {
    sessionStorage.removeItem(store);
  }
}

// Pairs to begin with

const reached = (card, done) =>
  new Promise((resolve) => {
    const look = () => (done() || card.client.state === "ended" ? resolve() : setTimeout(look, 50));
    look();
  });

async function enter(card) {
  await card.connect();
  await reached(card, () => card.client.state === "connected");
  if (card.client.state === "connected" && card.channel) card.join();
}

const PRESETS = {
  async both() {
    await Promise.all([put({ who: "anonymous" }), put({ who: "user", user: "test:ada", extras: '{"name": "Ada"}' })].map(enter));
  },
  async private() {
    const pair = [put({ who: "user", user: "test:ada" }), put({ who: "user", user: "test:bob" })];
    for (const card of pair) card.fields.audience.value = "private";
    await Promise.all(pair.map(enter));
    await Promise.all(pair.map((card) => reached(card, () => card.client.id)));
    pair.forEach((card, at) => {
      card.fields.to.value = pair[1 - at].client.id ?? "";
      card.show();
    });
    keep();
  },
};

// Tracing what a card would send: the form above does it, as the client if it is connected, else as who it would be.

function trace(card) {
  const form = document.querySelector("#sending form");
  const { who, claims, user, extras, audience, to, payload } = card.value;
  const fill = (name, value) => (form.elements[name].value = value);
  fill("channel", card.channel);
  fill("payload", payload);
  fill("audience", audience);
  fill("to", audience === "private" ? to : "");
  fill("user", "");
  fill("client", card.client.id ?? "");
  fill("sender", card.client.id ? "client" : who === "anonymous" ? "anonymous" : "claims");
  fill("claims", "");
  if (!card.client.id && who !== "anonymous") fill("claims", who === "claims" ? claims : claimsOf(user, extras));
  form.requestSubmit(form.querySelector("[value=trace]"));
  document.getElementById("sending").scrollIntoView({ block: "nearest" });
}

function claimsOf(user, extras) {
  try {
    return JSON.stringify({ sub: user, extras: JSON.parse(extras || "{}") });
  } catch {
    return JSON.stringify({ sub: user });
  }
}

// The page

let before = channel.value;

// Cards follow the channel above unless they are in another one, or were given another one.
channel.addEventListener("input", () => {
  for (const card of cards) {
    if (card.channel !== before || card.client.joined.has(before)) continue;
    card.fields.channel.value = channel.value;
    card.show();
  }
  before = channel.value;
  document.querySelector("#sending [name=channel]").value = channel.value;
  keep();
});

// What came of it is read out, and seen: on a phone it lies below the form.
document.addEventListener("htmx:after:swap", () => {
  const hidden = document.querySelector("#sending [name=channel]");
  if (hidden && document.querySelector("#outcome .look-head")) document.getElementById("outcome").scrollIntoView({ block: "nearest" });
});

add.addEventListener("click", () => put({}).fields.who.focus());
for (const button of section.querySelectorAll("[data-preset]")) button.addEventListener("click", () => PRESETS[button.dataset.preset]());
all.addEventListener("click", () => Promise.all(cards.filter((card) => ["idle", "ended"].includes(card.client.state)).map(enter)));
// What was traced for a client is not meant for an event of the server.
document.addEventListener("change", ({ target }) => {
  if (target.name === "sender" && target.value === "server" && target.form?.elements.to) target.form.elements.to.value = "";
});
setInterval(() => cards.forEach((card) => card.tick()), 1000);

for (const [name, endpoint] of endpoints) bench.protocols[name] = { ...(await import(`./protocols/${name}.js`)), endpoint };
restore();
keep();
for (const button of section.querySelectorAll("[data-preset], [data-add], [data-all]")) button.disabled = false;
