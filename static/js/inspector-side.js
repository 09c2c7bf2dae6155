// The left pane follows the page's address: its own links and its search change that, without another page.

const SIDE = ["tab", "q", "open", "unfold", "page"];
const pane = () => document.getElementById("side");
const refresh = () => pane().dispatchEvent(new Event("refresh"));

// A link of the pane says what the pane is to show; the rest of the address may have changed since it was made.
function go(address) {
  const search = new URLSearchParams(location.search);
  const wanted = new URL(address).searchParams;
  for (const name of SIDE) {
    search.delete(name);
    for (const value of wanted.getAll(name)) search.append(name, value);
  }
  history.replaceState(history.state, "", `?${search}`);
  refresh();
}

// Whatever asks for the pane anew asks for what the address says now, which somebody may have changed since it was made.
document.addEventListener("htmx:config:request", (event) => {
  const { ctx } = event.detail;
  if (ctx.sourceElement === pane()) ctx.request.action = pane().getAttribute("hx-get") + location.search;
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("#side a[data-side]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(link.href);
});

function search(form) {
  const address = new URL(location.href);
  const wanted = form.elements.q.value;
  if (wanted) address.searchParams.set("q", wanted);
  else address.searchParams.delete("q");
  address.searchParams.delete("page");
  if (address.href !== location.href) go(address.href);
}

let typed = 0;
document.addEventListener("input", (event) => {
  const form = event.target.closest("#side form[data-seek]");
  if (!form) return;
  clearTimeout(typed);
  typed = setTimeout(() => form.isConnected && search(form), 150);
});
document.addEventListener("submit", (event) => {
  const form = event.target.closest("#side form[data-seek]");
  if (!form) return;
  event.preventDefault();
  search(form);
});
