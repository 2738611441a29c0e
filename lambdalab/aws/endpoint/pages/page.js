// The page of a lab. Whatever comes from the lab is put in as text, never as markup.

const PLACE = "/_lambdalab/";
const EVERY = 2000, EVERY_WHEN_GONE = 5000;  // milliseconds between two looks at the lab
const TOKEN = document.querySelector("meta[name=lambdalab-token]").content;
const at = id => document.getElementById(id);

// ---- words ----------------------------------------------------------------------------------------------

const count = n => n.toLocaleString("en-US");
const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
const seconds = s => `${s.toLocaleString("en-US", { minimumFractionDigits: 3, maximumFractionDigits: 3 })} s`;
const took = ms => ms < 1000 ? `${ms.toLocaleString("en-US", { maximumFractionDigits: ms < 10 ? 2 : 0 })} ms`
  : `${(ms / 1000).toLocaleString("en-US", { maximumFractionDigits: 2 })} s`;
const KINDS = { streams: "Streams", tables: "Tables", mappings: "Event source mappings", faults: "Faults", api_gateway: "APIs", sns: "Topics",
  s3: "Buckets", scheduler: "Schedules", elb: "Load balancers", eventbridge: "Event buses", cognito: "User pools",
  firehose: "Delivery streams", cloudfront: "Distributions", logs: "Subscription filters", codecommit: "Repositories",
  cloudformation: "Stacks", config: "Config rules", function_urls: "Function URLs" };

function make(tag, attributes = {}, ...inside) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") Object.entries(value).forEach(([event, does]) => made.addEventListener(event, does));
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...inside.filter(each => each !== null && each !== undefined));  // texts become text nodes
  return made;
}

// ---- the server -----------------------------------------------------------------------------------------

class Refused extends Error {}

async function ask(path, sent) {
  const options = sent === undefined ? {} : { method: "POST", body: JSON.stringify(sent),
    headers: { "Content-Type": "application/json", "X-Lambdalab-Token": TOKEN } };
  const answer = await fetch(PLACE + path, { cache: "no-store", credentials: "same-origin", ...options });
  const text = await answer.text();
  let told = null;
  try { told = JSON.parse(text); } catch { /* not ours: its text is told */ }
  if (told?.refused) throw Object.assign(new Refused(told.refused.message), told.refused);
  if (!answer.ok || told === null) {
    throw Object.assign(new Refused(text.slice(0, 300) || answer.statusText), { code: "Error", status: answer.status });
  }
  return [told, text];
}

function say(text, bad = false) {
  const place = at("said");
  place.classList.toggle("bad", bad);
  place.textContent = text;
}

// What a button does: others wait meanwhile, and what went wrong is told.
async function busy(does) {
  const buttons = [at("run"), at("advance").querySelector("button"), at("invoke").querySelector("button")];
  const focus = document.activeElement;
  buttons.forEach(button => { button.disabled = true; });
  try {
    await does();
  } catch (error) {
    say(`${error.code || "No answer"}: ${error.message}`, true);
  } finally {
    buttons.forEach(button => { button.disabled = false; });
    allowInvoking();
    if (document.activeElement === document.body) focus?.focus({ preventScroll: true });
  }
}

// ---- tables ---------------------------------------------------------------------------------------------

// `columns`: [name, how a row's cell is filled, whether it is a number, whether it is bad news]
function table(caption, columns, rows) {
  const roles = { cell: "cell", head: "columnheader" };  // said aloud: narrow screens show rows as blocks
  const head = columns.map(([name, , number]) => make("th", { scope: "col", role: roles.head, class: number && "number" }, name));
  const body = rows.map(row => make("tr", { role: "row" }, ...columns.map(([name, fill, number, bad]) => {
    const filled = fill(row), isBad = bad?.(row);
    return make("td", { role: roles.cell, "data-name": name, class: [number && "number", isBad && "bad"].filter(Boolean).join(" ") || null },
      ...[filled].flat());
  })));
  return make("table", { role: "table", "aria-label": caption }, make("thead", { role: "rowgroup" }, make("tr", { role: "row" }, ...head)),
    make("tbody", { role: "rowgroup" }, ...body));
}

const some = n => n ? count(n) : "";
const small = text => text ? make("small", {}, text) : null;

const FUNCTIONS = [
  ["Function", f => [make("button", { type: "button", class: "link", "data-key": `f ${f.name}`, title: "Put it into the form",
    on: { click: () => choose(f.name) } }, f.name),
    small([f.what, `${count(f.memory_mb)} MB`, `${count(f.timeout_s)} s`, f.state !== "Active" && f.state, f.reserved !== null && `reserved ${f.reserved}`,
      f.dead_letters_to && `dead letters to ${f.dead_letters_to}`].filter(Boolean).join(" · "))].filter(Boolean)],
  ["runs", f => count(f.runs), true],
  ["errors", f => some(f.errors), true, f => f.errors],
  ["throttled", f => some(f.throttles), true, f => f.throttles],
  ["cold", f => some(f.cold_starts), true],
  ["running", f => some(f.running), true],
  ["in its queue", f => some(f.waiting), true],
];
const QUEUES = [
  ["Queue", q => [q.name, small(q.dead_letters_to && `dead letters to ${q.dead_letters_to} after ${plural(q.max_receive_count, "receive")}`)].filter(Boolean)],
  ["visible", q => count(q.visible), true],
  ["in flight", q => count(q.in_flight), true],
  ["delayed", q => count(q.delayed), true],
  ["hidden for s", q => count(q.visibility_timeout_s), true],
];
const LATEST = [
  ["Request", i => make("button", { type: "button", class: "link", "data-key": `i ${i.id}`, title: "Tell what happened to it",
    on: { click: () => tell(i.id) } }, i.id)],
  ["at", i => seconds(i.at_s), true],
  ["function", i => i.function],
  ["from", i => i.source],
  ["type", i => ({ RequestResponse: "sync", Event: "async" })[i.type] || i.type],
  ["tries", i => count(i.attempts), true],
  ["took", i => i.latency_ms === null ? "" : took(i.latency_ms), true],
  ["status", i => `${i.status.replaceAll("_", " ")}${["in_flight", "succeeded", "dry_run"].includes(i.status) ? "" : `: ${i.cause.replaceAll("_", " ")}`}`, false,
    i => !["succeeded", "in_flight", "dry_run"].includes(i.status)],
];

// ---- the lab --------------------------------------------------------------------------------------------

let lab = null, seen = "", missed = false;

// Only what is different is written anew; a button in it keeps the focus.
const written = {};
function write(id, value, ...made) {
  const text = JSON.stringify(value);
  if (written[id] === text) return;
  written[id] = text;
  const place = at(id), key = place.contains(document.activeElement) && document.activeElement.dataset.key;
  place.replaceChildren(...made.map(each => each()));
  if (key) [...place.querySelectorAll("[data-key]")].find(each => each.dataset.key === key)?.focus({ preventScroll: true });
}

const none = text => () => make("p", { class: "note" }, text);

function show() {
  at("now").textContent = `${lab.now} UTC`;
  at("elapsed").textContent = [seconds(lab.elapsed_s),
    lab.speed !== null && `${count(lab.speed)} × real time`, lab.pending && "something is in flight"].filter(Boolean).join(" · ");
  at("run").hidden = lab.speed === null;  // in virtual time the lab has come to rest by itself
  const bare = !lab.functions.length && !lab.queues.length && !lab.parts.length;
  at("empty").hidden = !bare;
  const more = (shown, all) => shown.length < all ? [none(`and ${count(all - shown.length)} more`)] : [];
  write("functions", lab.functions, ...(lab.functions.length ? [() => table("Functions", FUNCTIONS, lab.functions), ...more(lab.functions, lab.totals.functions)]
    : [none("There are none yet.")]));
  write("queues", lab.queues, ...(lab.queues.length ? [() => table("Queues", QUEUES, lab.queues), ...more(lab.queues, lab.totals.queues)]
    : [none("There are none yet.")]));
  write("parts", lab.parts, ...(lab.parts.length ? lab.parts.flatMap(part => [() => make("h3", {}, `${KINDS[part.kind] || part.kind} (${count(part.count)})`),
    () => make("ul", {}, ...part.lines.map(line => make("li", {}, line)))]) : [none("No streams, tables, topics, buckets, APIs or mappings yet.")]));
  write("latest", [lab.latest, lab.totals.invocations], ...(lab.latest.length ? [() => table("Latest invocations", LATEST, lab.latest),
    ...more(lab.latest, lab.totals.invocations)] : [none("Nothing has been invoked yet.")]));
  options(at("function"), lab.functions.length ? lab.functions.map(f => [f.name, f.name]) : [["", "There are none yet"]]);
  allowInvoking();
  command();
  DRAWINGS.forEach(drawing => drawing.note());
}

// The choice stays what it was, where it still is.
function options(select, pairs) {
  const now = JSON.stringify(pairs);
  if (select.dataset.options === now) return;
  select.dataset.options = now;
  const chosen = select.value;
  select.replaceChildren(...pairs.map(([value, text]) => make("option", { value }, text)));
  if (pairs.some(([value]) => value === chosen)) select.value = chosen;
}

async function look() {
  const [told, text] = await ask("state");
  if (missed) say("The server is back.");
  missed = false;
  if (text === seen) return;
  seen = text;
  lab = told;
  show();
  if (story.open) await tell(story.id, false).catch(() => {});  // it may go on
}

let waiting = 0;
async function watch() {
  clearTimeout(waiting);
  try {
    if (!document.hidden || !lab) await look();
  } catch (error) {
    if (!missed) say(`The server does not answer (${error.message}); the page tries again.`, true);
    missed = true;
  }
  clearTimeout(waiting);
  waiting = setTimeout(watch, missed ? EVERY_WHEN_GONE : EVERY);
}

// ---- the form -------------------------------------------------------------------------------------------

const payload = at("payload");
let templates = {}, own = "";

function allowInvoking() { at("invoke").querySelector("button").disabled = !at("function").value; }

function choose(name) {
  at("function").value = name;
  command();
  at("payload").focus();
}

// The event templates; what was typed before one is chosen can be chosen again.
function fill() {
  const pairs = [["{}", "Nothing: {}"], ...Object.keys(templates).map(name => [name, name])];
  if (own) pairs.push(["own", "What you typed"]);
  options(at("template"), pairs);
}

const eventOf = name => name === "own" ? own : name === "{}" ? "{}" : JSON.stringify(templates[name], null, 2);

function pick() {
  const chosen = at("template").value, known = ["{}", ...Object.keys(templates)].map(eventOf);
  if (!known.includes(payload.value)) own = payload.value;
  payload.value = eventOf(chosen);
  fill();
  at("template").value = chosen;
  checkJson();
}

function checkJson() {
  const note = at("no-json");
  let wrong = "";
  try { if (payload.value.trim()) JSON.parse(payload.value); } catch (error) { wrong = `This is no JSON: ${error.message}`; }
  note.hidden = !wrong;
  note.textContent = wrong;
  payload.setAttribute("aria-invalid", String(Boolean(wrong)));
  command();
}

const quoted = text => `'${text.replaceAll("'", "'\\''")}'`;
const word = text => /^[\w.:/@-]+$/.test(text) ? text : quoted(text);

function command() {
  const type = at("type").value, lines = [`aws --endpoint-url ${location.origin} lambda invoke`, `--function-name ${word(at("function").value || "testFunction")}`];
  if (type !== "RequestResponse") lines.push(`--invocation-type ${type}`);
  lines.push("--cli-binary-format raw-in-base64-out", `--payload ${quoted(payload.value)} response.json`);
  at("cli").textContent = lines.join(" \\\n  ");
}

async function invoke(event) {
  event.preventDefault();
  if (!at("function").value) return;
  await busy(async () => {
    say("Invoking …");
    let answer;
    try {
      [answer] = await ask("invoke", { function: at("function").value, payload: payload.value, type: at("type").value });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      answer = null;
      refused(error);
    }
    if (answer) answered(answer);
    await look();
  });
}

function refused(error) {
  outcome(`${error.status} · ${error.code}`, true);
  at("answer").replaceChildren(make("p", {}, error.message), make("p", { class: "note" }, "The request was refused: the function did not run."));
  story.close();
}

function answered(told) {
  const failed = Boolean(told.error), words = told.status === 202 ? "queued" : told.status === 204 ? "it would be accepted" : failed ? `function error: ${told.error}` : "the function returned";
  outcome(`${told.status} · ${words}${told.cold === undefined ? "" : ` · ${took(told.latency_ms)} · ${told.cold ? "cold start" : "warm"}`}`, failed);
  const facts = [["Duration", told.duration_ms, took], ["Billed duration", told.billed_ms, took], ["Cold start", told.init_ms, took],
    ["Memory", told.memory_mb, mb => `${count(mb)} MB`], ["Most memory used", told.max_memory_mb, mb => `${count(mb)} MB`],
    ["Version", told.version || undefined, version => version], ["Request", told.request, id => id], ["Request id", told.request_id, id => id, "long"]];
  const parts = [];
  if (told.status === 200) parts.push(make("h3", {}, "Payload"), make("pre", { tabindex: 0, "aria-label": "Payload", id: "answer-payload" }, told.payload));
  if (told.status === 202) parts.push(make("p", {}, "The answer is empty: the event is in the function's own queue. What becomes of it is told below."));
  parts.push(make("dl", {}, ...facts.filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value, how, kind]) => make("div", { class: kind }, make("dt", {}, name), make("dd", {}, how(value))))));
  if (told.log) parts.push(make("h3", {}, "Log tail"), make("pre", { tabindex: 0, "aria-label": "Log tail", id: "answer-log" }, told.log.trimEnd()));
  at("answer").replaceChildren(...parts);
  story.write(told.story);
}

function outcome(text, bad) {
  at("reply").hidden = false;
  at("outcome").textContent = `${bad ? "✗" : "✓"} ${text}`;
  at("outcome").classList.toggle("bad", bad);
  say(text, bad);
}

// ---- what happened --------------------------------------------------------------------------------------

const story = {
  id: "",
  get open() { return !at("story").hidden; },
  close() { at("story").hidden = true; },
  write(told) {
    this.id = told.id;
    at("story").hidden = false;
    at("story-of").textContent = told.title;
    at("story-lines").replaceChildren(...told.lines.map(line => make("li", {}, make("span", { class: "at" }, seconds(line.at_s)), ` ${line.said}`)));
  },
};

async function tell(id, moved = true) {
  try {
    story.write((await ask(`story?id=${encodeURIComponent(id)}`))[0]);
    if (moved) at("story").focus();
  } catch (error) {
    story.close();  // gone, as after a reset
    if (moved) say(error.message, true);
  }
}

// ---- the trace viewer and the flow ----------------------------------------------------------------------

const bytes = text => new DataView(Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer);

// What a widget's script needs of its model.
function modelOf(values) {
  const heard = {};
  return {
    get: name => values[name],
    set(name, value) {
      const same = value === values[name] || (!(value instanceof DataView) && JSON.stringify(value) === JSON.stringify(values[name]));
      values[name] = value;
      if (!same) (heard[`change:${name}`] || []).forEach(does => does());
    },
    save_changes() {},
    on(name, does) { (heard[name] ||= []).push(does); },
    off(name, does) { heard[name] = (heard[name] || []).filter(other => other !== does); },
  };
}

const valuesOf = told => ({ ...told.values, ...Object.fromEntries(Object.entries(told.binary).map(([name, text]) => [name, bytes(text)])) });

class Drawing {
  constructor(name, idle) { Object.assign(this, { name, idle, model: null, end: null, drawn: "" }); }

  get open() { return !at(this.name).hidden; }

  async draw(select = "") {
    at(`${this.name}-note`).textContent = "Drawing …";
    try {
      const [[told], script] = await Promise.all([ask(this.path(select)), import(`${PLACE}${this.name}.js`)]);
      this.end?.();
      at(`${this.name}-place`).replaceChildren();
      this.model = modelOf(valuesOf(told));
      this.end = script.default.render({ model: this.model, el: at(`${this.name}-place`) }) || null;
      if (this.name === "viewer") this.model.on("change:selected", () => this.fetchMerged());
      this.drawn = told.stamp;
      this.left = told.left_out || "";
      this.note();
    } catch (error) {
      at(`${this.name}-note`).textContent = error.message;
    }
  }

  path(select) { return select ? `${this.name}?select=${encodeURIComponent(select)}` : this.name; }

  // Of a very large trace quiet bars are merged: what is chosen among them is fetched.
  async fetchMerged() {
    const chosen = this.model.get("selected");
    if (at("viewer-place").firstElementChild?.viewer?.awaited !== chosen || !chosen) return;
    const told = await ask(this.path(chosen)).catch(() => null);
    if (!told || this.model.get("selected") !== chosen) return;
    const values = valuesOf(told[0]);
    for (const name of ["columns", "about", "data"]) this.model.set(name, values[name]);
  }

  note() {
    if (!this.drawn) return;
    at(`${this.name}-note`).textContent = this.drawn === lab.stamp ? this.left || "" : "The lab has gone on since this was drawn.";
  }
}

const viewer = new Drawing("viewer"), DRAWINGS = [viewer, new Drawing("flow")];
const TABS = ["lab", "viewer", "flow"];

async function turn(name, select = "") {
  for (const each of TABS) {
    at(each).hidden = each !== name;
    at(`tab-${each}`).setAttribute("aria-selected", String(each === name));
    at(`tab-${each}`).tabIndex = each === name ? 0 : -1;
  }
  if (location.hash !== `#${name}`) history.replaceState(null, "", `#${name}`);
  const drawing = DRAWINGS.find(each => each.name === name);
  if (drawing && (select || drawing.drawn !== lab?.stamp)) await drawing.draw(select);
}

// ---- beginning ------------------------------------------------------------------------------------------

const aws = `aws --endpoint-url ${location.origin}`;
at("commands").textContent = [
  "# a queue, and a message in it",
  `${aws} sqs create-queue --queue-name orders`,
  `${aws} sqs send-message --queue-url ${location.origin}/123456789012/orders --message-body '{"order": 7}'`,
  "",
  "# a function (app.py has a def handler(event, context)), and an invocation of it",
  "zip hello.zip app.py",
  `${aws} lambda create-function --function-name hello --runtime python3.13 --handler app.handler \\`,
  "  --role arn:aws:iam::123456789012:role/any --zip-file fileb://hello.zip",
  `${aws} lambda invoke --function-name hello response.json`,
  "",
  "# or stop the server and serve a file that makes a lab with something in it",
  "lambdalab serve shop.py",
].join("\n");

at("invoke").addEventListener("submit", invoke);
payload.addEventListener("keydown", event => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); at("invoke").requestSubmit(); }
});
payload.addEventListener("input", checkJson);
at("template").addEventListener("change", pick);
at("type").addEventListener("change", command);
at("function").addEventListener("change", command);
at("story-viewer").addEventListener("click", () => { turn("viewer", story.id); at("tab-viewer").focus(); });
at("run").addEventListener("click", () => busy(async () => {
  say("Running …");
  say((await ask("run", {}))[0].told);
  await look();
}));
at("advance").addEventListener("submit", event => {
  event.preventDefault();
  busy(async () => {
    say((await ask("advance", { seconds: Number(at("seconds").value) }))[0].told);
    await look();
  });
});
TABS.forEach((name, place) => {
  at(`tab-${name}`).addEventListener("click", () => turn(name));
  at(`tab-${name}`).addEventListener("keydown", event => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const next = TABS[(place + by + TABS.length) % TABS.length];
    at(`tab-${next}`).focus();
    turn(next);
  });
});
for (const drawing of DRAWINGS) at(`${drawing.name}-again`).addEventListener("click", () => drawing.draw(drawing.model?.get("selected") || ""));
document.addEventListener("visibilitychange", () => { if (!document.hidden) watch(); });
fill();
command();
await watch();
ask("events").then(([told]) => { templates = told; fill(); }, () => {});
if (TABS.includes(location.hash.slice(1))) turn(location.hash.slice(1));
