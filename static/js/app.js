// What HTML can't: keyboard, notices that go away, copying, the colour scheme, and the CSRF token of htmx requests.

const typing = (element) => element?.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
const rows = () => [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent);

function step(by) {
  const all = rows();
  if (!all.length) return;
  const at = all.indexOf(document.activeElement);
  const next = at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1);
  all[next].focus({ focusVisible: true });
}

const keys = {
  "/": () => document.querySelector("[data-search]")?.focus(),
  j: () => step(1),
  k: () => step(-1),
  "?": () => document.getElementById("help").showModal(),
};

// An element can name the key that leads to it.
const named = (key) => (/^[a-z]$/.test(key) ? document.querySelector(`[data-key="${key}"]`) : null);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape" && event.target.matches("[data-search], [data-key]")) event.target.blur();
  if (typing(event.target) || document.querySelector("dialog[open]")) return;
  const place = named(event.key);
  if (!place && !Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  if (place) place.focus();
  else keys[event.key]();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if ("dismiss" in button.dataset) button.closest("[data-notice]").remove();
  else if ("help" in button.dataset) keys["?"]();
  else if ("themeSwitch" in button.dataset) switchTheme();
  else if ("copy" in button.dataset) copy(button);
});

function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  const secure = location.protocol === "https:" ? ";secure" : "";
  document.cookie = `theme=${root.dataset.theme};path=/;max-age=31536000;samesite=lax${secure}`;
}

async function copy(button) {
  const source = button.parentElement.querySelector("code");
  const label = button.querySelector("span");
  try {
    await navigator.clipboard.writeText(source.textContent);
    label.textContent = "Copied";
  } catch {
    // Without encryption browsers keep the clipboard closed: select, so that one key copies.
    getSelection().selectAllChildren(source);
    label.textContent = "Selected";
  }
  setTimeout(() => (label.textContent = "Copy"), 2000);
}

// A second click on a form that is on its way would send it twice.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));

// Good news goes away by itself; errors stay until they are dismissed.
function fade(notice) {
  if (notice.classList.contains("error") || notice.classList.contains("warn")) return;
  const wait = () => {
    if (notice.matches(":hover, :focus-within")) setTimeout(wait, 2000);
    else notice.remove();
  };
  setTimeout(wait, 8000);
}

// What asks again and again says the same thing once.
function arrived(notice) {
  for (const other of notices.querySelectorAll("[data-notice]")) {
    if (other !== notice && other.textContent.trim() === notice.textContent.trim()) other.remove();
  }
  fade(notice);
}

const notices = document.getElementById("notices");
notices.querySelectorAll("[data-notice]").forEach(fade);
new MutationObserver((changes) => {
  for (const change of changes) {
    for (const node of change.addedNodes) if (node.matches?.("[data-notice]")) arrived(node);
  }
}).observe(notices, { childList: true });

document.addEventListener("htmx:config:request", (event) => {
  const request = event.detail.ctx.request;
  if (request.method !== "GET") request.headers["X-CSRFToken"] = document.querySelector("meta[name=csrf-token]").content;
});

// The server can't be reached: say so once, and take it back when it answers again.
const LOST = "The connection to the server is lost.";

function lost(isChange) {
  const notice = notices.querySelector("[data-lost]") ?? document.createElement("div");
  notice.className = "notice error";
  notice.dataset.lost = "";
  notice.setAttribute("role", "alert");
  const text = document.createElement("p");
  text.textContent = isChange ? `Not saved. ${LOST} What you typed is still here.` : LOST;
  if (notice.isConnected && !isChange) return;
  notice.replaceChildren(text);
  notices.append(notice);
}

document.addEventListener("htmx:error", (event) => {
  const { ctx, error } = event.detail;
  if (!ctx || ctx.response || !(error instanceof TypeError || ctx.request?.signal?.reason === "timeout")) return;
  lost(ctx.request.method !== "GET" && !("background" in ctx.sourceElement.dataset));
});
document.addEventListener("htmx:after:request", () => notices.querySelector("[data-lost]")?.remove());

// What refreshes by itself rests while nobody sees the page, and looks again as soon as somebody does.
document.addEventListener("htmx:config:request", (event) => {
  if (document.hidden && "live" in event.detail.ctx.sourceElement.dataset) event.preventDefault();
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  for (const element of document.querySelectorAll("[data-live]")) element.dispatchEvent(new Event("refresh"));
});

// A form that came back with errors: go to the first one. What is unfolded stays so when a part of a page is
// refreshed (morphIgnore in base.html), and so does what is folded.
function goToError() {
  const wrong = document.querySelector("[aria-invalid=true]");
  wrong?.closest("details")?.setAttribute("open", "");
  wrong?.focus();
}
document.addEventListener("htmx:after:swap", (event) => {
  if (event.detail.ctx.response?.status === 422) goToError();
});
goToError();

// On a phone the navigation scrolls sideways: show where one is.
document.querySelector(".side nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
