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

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape" && event.target.matches("[data-search]")) event.target.blur();
  if (typing(event.target) || document.querySelector("dialog[open]") || !Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
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

const notices = document.getElementById("notices");
notices.querySelectorAll("[data-notice]").forEach(fade);
new MutationObserver((changes) => {
  for (const change of changes) {
    for (const node of change.addedNodes) if (node.matches?.("[data-notice]")) fade(node);
  }
}).observe(notices, { childList: true });

document.addEventListener("htmx:config:request", (event) => {
  const request = event.detail.ctx.request;
  if (request.method !== "GET") request.headers["X-CSRFToken"] = document.querySelector("meta[name=csrf-token]").content;
});

// A form that came back with errors: go to the first one.
const goToError = () => document.querySelector("[aria-invalid=true]")?.focus();
document.addEventListener("htmx:after:swap", (event) => {
  if (event.detail.ctx.response?.status === 422) goToError();
});
goToError();
