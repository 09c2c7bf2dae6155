// The rule editor: the matrix by arrow keys, and nothing that was typed gets lost.

const form = () => document.getElementById("rule-form");
const KEPT = new Set(["csrf_token", "seen", "opened"]);
const written = () => JSON.stringify([...new FormData(form())].filter(([name]) => !KEPT.has(name)));
const opened = written();
const isChanged = () => "changed" in form().dataset || written() !== opened;
let leaving = false;

addEventListener("beforeunload", (event) => {
  if (!leaving && isChanged()) event.preventDefault();
});

// "Take theirs" says itself that what was typed goes.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-leave]");
  if (link?.closest(".conflict")) leaving = true;
});

document.addEventListener("htmx:after:request", (event) => {
  const { ctx } = event.detail;
  if (!ctx.hx?.redirect) return;
  const isSaved = ctx.sourceElement === form() && !ctx.hx.redirect.startsWith("/sign-in");
  if (isSaved) leaving = true;
  else if (isChanged()) {
    // Signed out meanwhile: going to the sign-in would take away what was typed.
    event.preventDefault();
    signedOut();
  }
});

function signedOut() {
  const notices = document.getElementById("notices");
  if (notices.querySelector("[data-signed-out]")) return;
  const notice = document.createElement("div");
  notice.className = "notice error";
  notice.dataset.signedOut = "";
  notice.setAttribute("role", "alert");
  const text = document.createElement("p");
  text.textContent = "Not saved: you were signed out. What you typed is still here; copy what you need, then sign in again.";
  notice.append(text);
  notices.append(notice);
}

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
