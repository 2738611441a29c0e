// A button that shows the lines of code and puts them on the clipboard.

const STYLE = {
  button: "font: inherit; padding: 3px 10px; cursor: pointer; border: 1px solid #767676;"
    + " border-radius: 2px; background: #eeeeee; color: #1a1a1a;",
  code: "margin: 6px 0; padding: 8px 10px; max-width: 860px; overflow-x: auto; white-space: pre;"
    + " border: 1px solid #c8c8c8; background: #f7f7f7; color: #1a1a1a;"
    + " font: 12px/1.45 ui-monospace, Menlo, Consolas, monospace;",
};

function element(name, style, text) {
  const made = document.createElement(name);
  made.style.cssText = style;
  made.textContent = text;
  return made;
}

// The clipboard is refused on pages without HTTPS: then the lines are selected, to be copied by hand.
async function copied(code, shown) {
  try {
    await navigator.clipboard.writeText(code);
    return "Copied.";
  } catch {
    const range = document.createRange();
    range.selectNodeContents(shown);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    return "Selected: press Ctrl+C to copy.";
  }
}

function render({ model, el }) {
  el.classList.add("lambdalab-copy");
  const button = element("button", STYLE.button, "Copy as code");
  button.type = "button";
  button.setAttribute("aria-expanded", "false");
  const told = element("span", "margin-left: 8px; color: inherit;", "");
  told.setAttribute("role", "status");
  const shown = element("pre", STYLE.code, "");
  shown.tabIndex = 0;
  shown.hidden = true;
  shown.setAttribute("aria-label", "the code of this run");

  const follow = () => {
    shown.textContent = model.get("code");
    told.textContent = "";
  };
  button.addEventListener("click", async () => {
    shown.hidden = !shown.hidden;
    button.setAttribute("aria-expanded", String(!shown.hidden));
    button.textContent = shown.hidden ? "Copy as code" : "Hide the code";
    told.textContent = shown.hidden ? "" : await copied(model.get("code"), shown);
  });
  model.on("change:code", follow);
  follow();
  el.append(button, told, shown);
  return () => model.off("change:code", follow);
}

export default { render };
