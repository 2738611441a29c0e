// Names for a screen reader: sliders without a name, a picture without words, buttons whose state is
// only a colour. What ipywidgets draw anew is named anew.

const LOOK_AGAIN_MS = 200;

function put(element, name, value) {
  if (element && element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function textOf(element) {
  return element ? element.textContent.trim() : "";
}

function nameSlider(row) {
  const label = textOf(row.querySelector(".widget-label"));
  const readout = row.querySelector(".widget-readout");
  const handle = row.querySelector("[role=slider]");
  put(handle, "aria-label", label);
  // a slider over magnitudes has the power of ten as its value: the number is what counts
  put(handle, "aria-valuetext", textOf(readout));
  put(readout, "role", "textbox");
  put(readout, "aria-label", label + ", as a number");
}

function nameGroup(row) {
  put(row, "role", "group");
  put(row, "aria-label", textOf(row.querySelector(".widget-label")) || "your guess");
}

function name(root, picture) {
  root.querySelectorAll(".widget-slider").forEach(nameSlider);
  root.querySelectorAll(".widget-toggle-buttons").forEach(nameGroup);
  root.querySelectorAll("button.widget-toggle-button").forEach((button) => {
    put(button, "aria-pressed", String(button.classList.contains("mod-active")));
  });
  root.querySelectorAll("button i").forEach((icon) => put(icon, "aria-hidden", "true"));
  root.querySelectorAll("img").forEach((image) => put(image, "alt", picture));
}

function render({ model, el }) {
  el.style.display = "none";
  let root = null;
  const apply = () => root && name(root, model.get("picture"));
  const changes = new MutationObserver(apply);
  // the explorer puts its parts on the page one after the other
  const find = setInterval(() => {
    root = el.closest(".lambdalab-explorer");
    if (!root) return;
    clearInterval(find);
    changes.observe(root, {
      subtree: true, childList: true, characterData: true, attributes: true,
      attributeFilter: ["class", "aria-valuetext"],
    });
    apply();
  }, LOOK_AGAIN_MS);
  model.on("change:picture", apply);
  return () => {
    clearInterval(find);
    changes.disconnect();
    model.off("change:picture", apply);
  };
}

export default { render };
