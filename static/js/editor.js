// The rule editor: the matrix by arrow keys, and nothing that was typed gets lost.

import { guard } from "./leaving.js";

const KEPT = new Set(["csrf_token", "seen", "opened"]);
guard("rule-form", (name) => KEPT.has(name));

// One stop for the tab key; arrows move through the matrix, Escape puts its explanation away.
document.addEventListener("keydown", (event) => {
  const cell = event.target.closest?.("[data-grid] .cell");
  if (!cell) return;
  if (event.key === "Escape") return cell.blur();
  const rows = [...cell.closest("table").querySelectorAll("tbody tr")].map((row) => [...row.querySelectorAll(".cell")]);
  const y = rows.findIndex((row) => row.includes(cell));
  const x = rows[y].indexOf(cell);
  const isTurned = getComputedStyle(cell.closest("table")).display === "grid";
  const moves = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
  let [down, right] = moves[event.key] ?? [0, 0];
  if (isTurned) [down, right] = [right, down];
  if (event.key === "Home") right = -x;
  else if (event.key === "End") right = rows[y].length - 1 - x;
  const next = rows[y + down]?.[x + right];
  if (!next || next === cell) return;
  event.preventDefault();
  cell.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});

// A verdict that is picked can be kept as a saved test, on a page of its own: what is typed here stays.
document.addEventListener("click", (event) => {
  const cell = event.target.closest?.(".cell[data-keep]");
  if (!cell) return;
  const link = document.createElement("a");
  link.href = cell.dataset.keep;
  link.target = "_blank";
  link.rel = "noopener";
  link.textContent = `Save as a test: ${cell.dataset.says}`;
  document.getElementById("keep").replaceChildren(link);
});
