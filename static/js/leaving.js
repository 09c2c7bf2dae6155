// Nothing that was typed into a form gets lost: by leaving its page, or by having been signed out meanwhile.

export function guard(id, isKept) {
  const form = () => document.getElementById(id);
  const written = () => JSON.stringify([...new FormData(form())].filter(([name]) => !isKept(name)));
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
}

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
