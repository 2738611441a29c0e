// The card of a quiz: a question, its options as radio buttons or check boxes, the verdict, the run.
// Python decides everything; this draws `card`, and writes `chosen`, `checked`, `position`, `opened`.

let cards = 0;

function make(tag, name, parent) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (parent) parent.append(element);
  return element;
}

class Card {
  constructor(model, root) {
    this.model = model;
    this.root = root;
    this.name = `lambdalab-quiz-${++cards}`;
    this.build();
    this.draw();
  }

  build() {
    const root = this.root;
    root.classList.add("lambdalab-quiz");
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", "Quiz");
    root.dataset.lmSuppressShortcuts = "true";  // or a notebook takes letters and arrows for commands
    root.addEventListener("keydown", event => {
      if (!event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
    });
    const head = make("div", "head", root);
    this.place = make("h3", "", head);
    this.place.tabIndex = -1;
    this.about = make("span", "about", head);
    this.score = make("span", "score", head);
    this.fields = make("fieldset", "", root);
    this.text = make("legend", "", this.fields);
    this.options = make("div", "", this.fields);
    const buttons = make("div", "buttons", root);
    this.check = this.button(buttons, "Check", "main", () => this.set({ checked: true }));
    this.back = this.button(buttons, "Previous", "", () => this.go(-1));
    this.forth = this.button(buttons, "Next", "", () => this.go(1));
    this.status = make("div", "lambdalab-status", root);
    this.status.setAttribute("role", "status");
    this.status.setAttribute("aria-live", "polite");
    this.run = make("details", "", root);
    make("summary", "", this.run).textContent = "Show the run that proves it";
    this.body = make("div", "", this.run);
    this.run.addEventListener("toggle", () => {
      if (this.run.open !== this.model.get("opened")) this.set({ opened: this.run.open });
    });
    this.summary = make("div", "summary", root);
    this.summary.setAttribute("aria-live", "polite");
  }

  button(parent, text, name, does) {
    const button = make("button", name, parent);
    button.type = "button";
    button.textContent = text;
    button.addEventListener("click", does);
    return button;
  }

  set(state) {
    for (const [name, value] of Object.entries(state)) this.model.set(name, value);
    this.model.save_changes();
  }

  go(steps) {
    this.moved = true;
    this.set({ position: this.model.get("position") + steps });
  }

  // ---- drawing

  draw() {
    const card = this.model.get("card"), verdict = card.verdict;
    const focused = this.root.contains(document.activeElement) && document.activeElement;
    const letter = focused && focused.value;
    this.place.textContent = card.place;
    this.about.textContent = card.about;
    this.score.textContent = card.score;
    this.text.innerHTML = card.text;
    this.fields.classList.toggle("done", !!verdict);
    this.options.replaceChildren(...card.options.map(([key, text]) => this.option(card, key, text)));
    this.check.disabled = !!verdict;
    this.back.disabled = card.first;
    this.forth.disabled = card.last;
    this.forth.classList.toggle("main", !!verdict && !card.last);
    this.say(verdict ? `<div class="headline">${verdict.headline}</div><div>${verdict.why}</div>` : card.note);
    this.showRun(card.run);
    this.summary.innerHTML = card.summary;
    this.pick();
    this.focus(focused, letter);
  }

  // A live region is read when it changes: what is there already stays as it is.
  say(text) {
    if (this.said !== text) this.status.innerHTML = this.said = text;
  }

  // What had the focus may be gone or asleep now.
  focus(focused, letter) {
    if (this.moved) this.place.focus();
    else if (focused && focused.disabled) (this.forth.disabled ? this.place : this.forth).focus();
    else if (letter) this.root.querySelector(`input[value="${letter}"]`)?.focus();
    this.moved = false;
  }

  option(card, letter, text) {
    const verdict = card.verdict, right = verdict?.right.includes(letter);
    const label = make("label", right ? "right" : "");
    const input = make("input", "", label);
    input.type = card.single ? "radio" : "checkbox";
    input.name = this.name;
    input.value = letter;
    input.disabled = !!verdict;
    input.addEventListener("change", () => this.choose(card.single, input));
    make("span", "letter", label).textContent = `${letter})`;
    const said = make("span", "option", label);
    said.innerHTML = text;
    if (verdict?.shown[letter]) make("span", "seen", said).innerHTML = verdict.shown[letter];
    if (verdict) this.mark(label, right, this.model.get("chosen").includes(letter));
    return label;
  }

  mark(label, right, picked) {
    if (picked && !right) label.classList.add("wrong");
    const words = [right ? "✓ right" : "", picked ? (right ? "your pick" : "✗ your pick") : ""];
    make("span", "mark", label).textContent = words.filter(Boolean).join(", ");
  }

  choose(single, input) {
    const others = single ? [] : this.model.get("chosen").filter(each => each !== input.value);
    this.set({ chosen: input.checked ? [...others, input.value].sort() : others });
  }

  pick() {
    const chosen = this.model.get("chosen");
    for (const input of this.options.querySelectorAll("input")) {
      input.checked = chosen.includes(input.value);
      input.closest("label").classList.toggle("picked", input.checked);
    }
  }

  showRun(run) {
    this.run.hidden = !run;
    this.run.open = !!run && this.model.get("opened");
    if (!run) return this.body.replaceChildren();
    const tables = run.tables.map(([which, table]) =>
      `<p class="what">What happened${which ? " " : ""}${which}, as <code>${run.named}</code> tells it:</p>` +
      `<pre tabindex="0">${table}</pre>`);
    this.body.innerHTML = `<p class="what">The program:</p><pre tabindex="0">${run.code}</pre>${tables.join("")}` +
      `<p class="what">Documented: ${run.sources}</p>`;
  }
}

function render({ model, el }) {
  const card = new Card(model, make("div", "", el));
  const changes = { "change:card": () => card.draw(), "change:chosen": () => card.pick(),
    "change:opened": () => { card.run.open = !card.run.hidden && model.get("opened"); } };
  for (const [event, does] of Object.entries(changes)) model.on(event, does);
  return () => { for (const [event, does] of Object.entries(changes)) model.off(event, does); };
}

export default { render };
