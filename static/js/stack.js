// The stack of steps: moved by drag and by keyboard, fields that matter, and code in an editor.

import { dress } from "./code.js";
import { guard } from "./leaving.js";

const form = () => document.getElementById("trigger-form");
const cards = () => [...document.querySelectorAll("#steps > .step")];

// What a button of the form would do, without one.
function ask(value) {
  const button = document.createElement("button");
  button.name = "do";
  button.value = value;
  button.hidden = true;
  form().append(button);
  form().requestSubmit(button);
}
document.addEventListener("htmx:after:request", () => form().querySelectorAll(":scope > button[hidden]").forEach((b) => b.remove()));

// Alt and an arrow move the step that has the focus, itself or by one of its buttons.
document.addEventListener("keydown", (event) => {
  if (!event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
  const card = event.target.closest("#steps > .step");
  if (!card || event.target.closest("input, select, textarea, .cm-editor")) return;
  event.preventDefault();
  const at = cards().indexOf(card);
  const to = at + (event.key === "ArrowUp" ? -1 : 1);
  if (to >= 0 && to < cards().length) ask(`to:${card.dataset.step}:${to}`);
});

// Drag: by its handle, a step goes where the line shows.
let dragged = null;
const unmark = () => document.querySelectorAll(".drop-before, .drop-after").forEach((c) => c.classList.remove("drop-before", "drop-after"));

function place(y) {
  const others = cards().filter((card) => card !== dragged);
  const before = others.findIndex((card) => {
    const box = card.getBoundingClientRect();
    return y < box.top + box.height / 2;
  });
  return { others, at: before < 0 ? others.length : before };
}

document.addEventListener("dragstart", (event) => {
  const card = event.target.closest?.(".grip")?.closest(".step");
  if (!card) return;
  dragged = card;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", card.dataset.step);
  event.dataTransfer.setDragImage(card, 16, 16);
  card.classList.add("dragged");
});
document.addEventListener("dragover", (event) => {
  if (!dragged || !event.target.closest?.(".stack-of-steps")) return;
  event.preventDefault();
  unmark();
  const { others, at } = place(event.clientY);
  if (others[at]) others[at].classList.add("drop-before");
  else others.at(-1)?.classList.add("drop-after");
});
document.addEventListener("drop", (event) => {
  if (!dragged || !event.target.closest?.(".stack-of-steps")) return;
  event.preventDefault();
  ask(`to:${dragged.dataset.step}:${place(event.clientY).at}`);
});
document.addEventListener("dragend", () => {
  unmark();
  dragged?.classList.remove("dragged");
  dragged = null;
});

// A field that matters only if another one has a certain value is there only then.
function settle() {
  for (const field of document.querySelectorAll("[data-when]")) {
    field.classList.toggle("idle", document.getElementById(field.dataset.when).value !== field.dataset.is);
  }
}
document.addEventListener("change", (event) => {
  if (event.target.matches("#steps select")) settle();
});

// A button that would move the first step up has nothing to do.
document.addEventListener("click", (event) => {
  if (event.target.closest("button[aria-disabled=true]")) event.preventDefault();
});

document.addEventListener("htmx:after:swap", (event) => {
  dress();
  settle();
  const moved = document.getElementById("moved");
  const goal = moved?.dataset.focus && document.getElementById(moved.dataset.focus);
  if (!goal || event.detail.ctx.sourceElement !== form()) return;
  document.querySelector(".add-step").open = false;
  goal.focus({ preventScroll: true });
  goal.scrollIntoView({ block: "nearest" });
});

dress();
settle();
guard("trigger-form", (name) => ["csrf_token", "seen", "do"].includes(name) || name.startsWith("trial-"));
