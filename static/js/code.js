// Fields for code: CodeMirror in the place of a textarea, which stays the field that the form sends.

import {
  bracketMatching, EditorState, EditorView, HighlightStyle, indentOnInput, indentUnit, indentWithTab, javascript, json, keymap,
  lineNumbers, minimalSetup, placeholder, syntaxHighlighting, tags,
} from "../vendor/codemirror.js";

const LANGUAGES = { javascript, json };
const WAITS = 600_000; // milliseconds in which the tab key after Escape leaves the field; any other key ends it
const views = new WeakMap();

const theme = EditorView.theme({
  "&": { color: "var(--text)", backgroundColor: "var(--surface)", border: "1px solid var(--line-strong)", borderRadius: "var(--radius)", fontSize: "0.8125rem", maxHeight: "28rem" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-1px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.55", fontVariantLigatures: "none" },
  ".cm-content": { caretColor: "var(--text)", padding: "0.35rem 0" },
  ".cm-line": { padding: "0 0.6rem" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground, ::selection": { backgroundColor: "var(--accent-soft) !important" },
  ".cm-gutters": { backgroundColor: "var(--sunken)", color: "var(--muted)", border: "0", borderStartStartRadius: "var(--radius)", borderEndStartRadius: "var(--radius)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--accent-soft)", outline: "1px solid var(--accent)" },
  ".cm-placeholder": { color: "var(--muted)" },
});
const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.bool, tags.null], color: "var(--accent-strong)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: "var(--allowed)" },
  { tag: tags.number, color: "var(--changed)" },
  { tag: tags.comment, color: "var(--muted)", fontStyle: "italic" },
  { tag: [tags.propertyName, tags.definition(tags.variableName)], color: "var(--text)" },
  { tag: tags.invalid, color: "var(--denied)" },
]);

// Typing over a selection, Chromium would keep its looks by an inline style, which the policy of the page refuses.
const typing = EditorView.domEventHandlers({
  beforeinput(event, view) {
    if (event.inputType !== "insertText" || !event.data || event.isComposing || view.state.selection.main.empty) return false;
    event.preventDefault();
    view.dispatch(view.state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
    return true;
  },
});

function make(field) {
  const textarea = field.querySelector("textarea");
  const isShort = textarea.rows <= 2;
  const nonce = document.querySelector("script[nonce]").nonce;
  const view = new EditorView({
    parent: field.querySelector(".code-place"),
    state: EditorState.create({
      doc: textarea.value,
      extensions: [
        EditorView.cspNonce.of(nonce),
        keymap.of([{ key: "Escape", run: (view) => (view.setTabFocusMode(WAITS), true) }, indentWithTab]),
        typing,
        minimalSetup,
        isShort ? [] : lineNumbers(),
        bracketMatching(),
        indentOnInput(),
        indentUnit.of("  "),
        EditorView.lineWrapping,
        placeholder(textarea.placeholder),
        LANGUAGES[field.dataset.code](),
        theme,
        syntaxHighlighting(colours),
        EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          textarea.value = update.state.doc.toString();
          textarea.dispatchEvent(new Event("input", { bubbles: true }));
        }),
      ],
    }),
  });
  textarea.addEventListener("focus", () => view.focus());
  views.set(field, view);
  document.fonts.ready.then(() => view.requestMeasure());
  return view;
}

/** Put editors where there are none yet, and bring the others to what their textareas hold and say. */
export function dress(root = document) {
  for (const field of root.querySelectorAll("[data-code]")) {
    const textarea = field.querySelector("textarea");
    const view = views.get(field) ?? make(field);
    if (view.state.doc.toString() !== textarea.value) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: textarea.value } });
    }
    textarea.tabIndex = -1;
    textarea.setAttribute("aria-hidden", "true");
    const content = view.contentDOM;
    content.setAttribute("aria-label", textarea.labels[0].textContent.trim());
    for (const name of ["aria-describedby", "aria-invalid"]) {
      if (textarea.hasAttribute(name)) content.setAttribute(name, textarea.getAttribute(name));
      else content.removeAttribute(name);
    }
  }
}
