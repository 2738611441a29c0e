// The trace viewer. It gets sorted columns once, and draws what the window of time and lanes shows.
//
// Bars are sorted by lane, look and start. Within one lane and look ("a strip") a binary search finds the
// first bar on show, and whatever falls on the pixels already painted is leapt over: a frame costs as many
// steps as there are pixels to paint, however many bars there are. Failures are strips of their own, painted
// last and never narrower than three pixels: nothing covers them, and they are merged with nothing else.

const GUTTER = 118, AXIS = 24, HEAD = 20, LANE = 17, TALLEST = 30, MAP = 44;   // pixels
const INK = "#1a1a1a", MUTED = "#555555", GRID = "#e6e6e6", HEADING = "#f2f5f7";
const FEW = 5, MOST_LIT = 40, MOST_TOLD = 60, MOST_JOINED = 400;  // lanes of a closed group; sentences; links drawn
const TYPES = { f8: Float64Array, u4: Uint32Array, i4: Int32Array, u2: Uint16Array, u1: Uint8Array };
const TITLES = { "callers": "Caller", "requests": "Invocations of", "event queue": "Events queued:",
  "queue": "Queue or stream", "batches": "Batches of", "environments": "Environments of" };

// ---- words: as lambdalab.plots.words has them ---------------------------------------------------------

const even = x => { const r = Math.round(x); return Math.abs(x % 1) === 0.5 && r % 2 ? r - 1 : r; };

function two(seconds, large, name, small, rest) {
  const all = even(seconds / small) * small, whole = Math.floor(all / large), left = all - whole * large;
  return left ? `${whole} ${name} ${Math.floor(left / small)} ${rest}` : `${whole} ${name}`;
}

function duration(s) {
  if (s > 0 && s < 0.01) return `${Number((s * 1000).toPrecision(3))} ms`;
  if (s < 10) return `${s.toFixed(2)} s`;
  if (s < 600) return `${s.toFixed(1)} s`.replace(".0 s", " s");
  if (s < 7200) return two(s, 60, "min", 1, "s");
  return s < 172800 ? two(s, 3600, "h", 60, "min") : two(s, 86400, "d", 3600, "h");
}

function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1048576 ? `${even(bytes / 1024)} KB` : `${(bytes / 1048576).toFixed(2)} MB`;
}

const keyOf = group => `${group.kind} ${group.name}`;
const count = n => n.toLocaleString("en-US");
const moment = s => s.toLocaleString("en-US", { minimumFractionDigits: 3, maximumFractionDigits: 3 }) + " s";

// ---- searching in sorted columns ----------------------------------------------------------------------

function firstAtLeast(column, from, to, value) {
  while (from < to) { const mid = (from + to) >>> 1; if (column[mid] < value) from = mid + 1; else to = mid; }
  return from;
}

function firstAbove(column, from, to, value) {
  while (from < to) { const mid = (from + to) >>> 1; if (column[mid] <= value) from = mid + 1; else to = mid; }
  return from;
}

// Lists by number in two columns: where each begins, and its members.
function listed(keys, values, sizes) {
  const begin = new Uint32Array(sizes + 3);
  for (let i = 0; i < keys.length; i++) begin[keys[i] + 2]++;
  for (let i = 2; i < begin.length; i++) begin[i] += begin[i - 1];
  const members = new Uint32Array(keys.length);
  for (let i = 0; i < keys.length; i++) members[begin[keys[i] + 1]++] = values[i];
  return { begin, members };
}

// ---- the books ----------------------------------------------------------------------------------------

class Books {
  constructor(model) {
    const raw = model.get("data"), places = model.get("columns");
    const bytes = raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength);  // aligned
    for (const [name, [type, at, length]] of Object.entries(places)) this[name] = new TYPES[type](bytes, at, length);
    Object.assign(this, model.get("about"));
    this.n = this.start.length;
    this.lanes = this.groups.reduce((sum, g) => sum + g.lanes, 0);
    this.groupOf = new Uint16Array(this.lanes);
    this.groups.forEach((g, i) => this.groupOf.fill(i, g.first, g.first + g.lanes));
    this.cut();
    this.tie();
  }

  // Strips: where the bars of one lane and look begin; how far bars so far reach.
  cut() {
    const first = [], of = new Uint32Array(this.lanes + 1), reach = new Float64Array(this.n);
    this.stripLook = [];
    this.crowded = [];
    let lane = -1, look = -1;
    for (let i = 0; i < this.n; i++) {
      if (this.lane[i] !== lane || this.look[i] !== look) {
        while (lane < this.lane[i]) of[++lane] = first.length;
        look = this.look[i];
        first.push(i);
        this.stripLook.push(look);
        this.crowded.push(false);
        reach[i] = this.end[i];
      } else {
        if (this.start[i] < reach[i - 1]) this.crowded[first.length - 1] = true;
        reach[i] = Math.max(reach[i - 1], this.end[i]);
      }
    }
    while (lane < this.lanes) of[++lane] = first.length;
    first.push(this.n);
    Object.assign(this, { reach, stripFirst: Uint32Array.from(first), stripOf: of });
  }

  // Links in both directions, and the bars of each thing in the order in which they are told.
  tie() {
    const last = this.base[this.base.length - 1];
    this.effectsOf = listed(this.causes, this.effects, last);
    this.causesOf = listed(this.effects, this.causes, last);
    const nodes = new Uint32Array(this.n);
    for (let i = 0; i < this.n; i++) nodes[i] = this.node(this.told[i]);
    this.barsOf = listed(nodes, this.told, last);
    this.rank = new Uint32Array(this.n);
    for (let i = 0; i < this.n; i++) this.rank[this.told[i]] = i;
  }

  node(bar) { return this.number[bar] ? this.base[this.kind[bar]] + this.number[bar] : 0; }
  id(bar) { return this.number[bar] ? this.nodes[this.kind[bar]] + this.number[bar] : ""; }
  failing(bar) { return this.looks[this.look[bar]].failing; }
  // When a bar ends; of a state that is still open when the books end, when it begins.
  over(bar) { return this.end[bar] < this.last || !this.lasting.includes(this.look[bar]) ? this.end[bar] : this.start[bar]; }
  group(bar) { return this.groups[this.groupOf[this.lane[bar]]]; }

  sentence(bar) {
    return this.says[this.say[bar]].replace(/\{(\w+)(?:#(\w))?\}/g, (_, name, form) => {
      if (name === "id") return this.id(bar);
      if (name === "took") return duration(this.end[bar] - this.start[bar]);
      if (name === "why") return this.whys[this.why[bar]].join(": ");
      const value = this[name][bar];
      if (form === "t") return this.texts[value];
      if (form === "s") return size(value);
      return form ? form + value : count(value);
    });
  }

  // The number of a thing by its short id, 0 for none.
  named(text) {
    const kind = this.nodes.indexOf(text[0]), number = Number(text.slice(1));
    if (kind < 0 || !/^.[1-9]\d*$/.test(text) || number > this.base[kind + 1] - this.base[kind]) return 0;
    return this.base[kind] + number;
  }

  // All causes, and theirs; all effects, and theirs. Of an environment: what ran in it.
  chain(node) {
    const found = new Uint8Array(this.base[this.base.length - 1] + 1), home = node - this.base[4];
    found[node] = 1;
    if (node > this.base[4] && node <= this.base[5]) {
      for (let i = 0; i < this.home.length; i++) if (this.home[i] === home) found[this.base[1] + 1 + i] = 1;
      return found;
    }
    for (const side of [this.causesOf, this.effectsOf]) {
      const seen = new Uint8Array(found.length), walk = [node];
      while (walk.length) {
        const at = walk.pop();
        for (let i = side.begin[at]; i < side.begin[at + 1]; i++) {
          const next = side.members[i];
          if (!seen[next]) { seen[next] = found[next] = 1; walk.push(next); }
        }
      }
    }
    return found;
  }

  // The bars of what is selected, in the order in which they are told.
  litBy(selected) {
    const node = this.named(selected), lit = [];
    if (!selected) return new Uint32Array(0);
    if (node) {
      const chain = this.chain(node);
      for (let i = 0; i < this.n; i++) { const n = this.node(this.told[i]); if (n && chain[n]) lit.push(this.told[i]); }
    } else {
      for (let i = 0; i < this.n; i++) if (this.group(this.told[i]).name === selected) lit.push(this.told[i]);
    }
    return Uint32Array.from(lit);
  }

  // Of the links within a chain: the bar of the cause that was under way, the first bar of the effect.
  joints(lit) {
    const { effectsOf, barsOf, start } = this, inside = new Set(), found = [];
    for (const bar of lit) inside.add(this.node(bar));
    for (const cause of inside) {
      for (let i = effectsOf.begin[cause]; i < effectsOf.begin[cause + 1] && found.length < MOST_JOINED; i++) {
        const effect = effectsOf.members[i];
        if (!inside.has(effect)) continue;
        let from = barsOf.begin[cause], at = barsOf.begin[effect];
        // a batch gathers before its later records come: they join what is under way
        while (at + 1 < barsOf.begin[effect + 1] && start[barsOf.members[at]] < start[barsOf.members[from]]) at++;
        const to = barsOf.members[at];
        while (from + 1 < barsOf.begin[cause + 1] && start[barsOf.members[from + 1]] <= start[to]) from++;
        found.push([barsOf.members[from], to]);
      }
    }
    return found;
  }

  // What somebody typed, as something that can be selected; "" for what is not there.
  found(text) {
    text = text.trim();
    const full = /^(\d{8,})(-.+)$/.exec(text);
    if (full) text = (this.tails[full[2]] || "?") + Number(full[1]);
    if (this.named(text.toLowerCase())) return text.toLowerCase();
    const names = this.groups.map(g => g.name), low = text.toLowerCase();
    return text && (names.find(n => n === text) || names.find(n => n.toLowerCase().includes(low))) || "";
  }
}

// ---- rows: what stands below each other ----------------------------------------------------------------

class Rows {
  constructor(books, { opened, hidden, focus, lit, room }) {
    Object.assign(this, { books, list: [], rowOf: new Int32Array(books.lanes).fill(-1), height: 0 });
    const has = new Uint8Array(books.lanes);
    lit.forEach(bar => { has[books.lane[bar]] = 1; });
    const only = focus && lit.length > 0;
    for (const group of books.groups) if (group.lanes && !hidden.includes(group.kind)) this.add(group, has, only, opened.includes(keyOf(group)));
    this.stretch(room);
    this.gather();
  }

  // Few lanes share the room there is: what is projected should be seen from the last row.
  stretch(room) {
    const lanes = this.list.filter(row => row.type !== "head").length, heads = this.list.length - lanes;
    const tall = Math.floor(Math.min(TALLEST, Math.max(LANE, (room - heads * HEAD) / Math.max(lanes, 1))));
    this.height = 0;
    for (const row of this.list) {
      if (row.type !== "head") row.height = tall;
      row.y = this.height;
      this.height += row.height;
    }
  }

  push(row) { this.list.push(row); return this.list.length - 1; }

  add(group, has, only, open) {
    const shown = [];
    let lit = 0;
    for (let i = 0, lane = group.first; i < group.lanes; i++, lane++) {
      if (has[lane] ? lit++ < MOST_LIT || open : !only && (open || i < FEW)) shown.push(lane);
    }
    const rest = group.lanes - shown.length;
    if (only && !lit) return;
    this.push({ type: "head", group, height: HEAD, open });
    for (const lane of shown) {
      const label = group.labels[lane - group.first] || "";
      this.rowOf[lane] = this.push({ type: "lane", group, lane, label, strips: this.strips(lane) });
    }
    if (!rest || (only && lit <= MOST_LIT)) return;
    const more = this.push({ type: "more", group, rest, strips: [] });
    for (let lane = group.first; lane < group.first + group.lanes; lane++) if (this.rowOf[lane] < 0) this.rowOf[lane] = more;
  }

  strips(lane) {
    const { stripOf, stripFirst, stripLook, start, end, reach, crowded } = this.books, found = [];
    for (let s = stripOf[lane]; s < stripOf[lane + 1]; s++) {
      found.push({ look: stripLook[s], start, end, reach, from: stripFirst[s], to: stripFirst[s + 1], bars: null, crowded: crowded[s] });
    }
    return found;
  }

  // The strips of a row that stands for many lanes: its bars by look and start.
  gather() {
    const { told, lane, look, start, end, looks } = this.books, kinds = looks.length;
    const many = this.list.some(row => row.type === "more");
    if (!many) return;
    const found = new Map();
    for (let i = 0; i < told.length; i++) {
      const row = this.rowOf[lane[told[i]]];
      if (row < 0 || this.list[row].type !== "more") continue;
      const key = row * kinds + look[told[i]];
      if (!found.has(key)) found.set(key, []);
      found.get(key).push(told[i]);
    }
    for (const [key, bars] of [...found].sort((one, other) => one[0] - other[0])) {
      const starts = Float64Array.from(bars, bar => start[bar]), ends = Float64Array.from(bars, bar => end[bar]);
      const reach = ends.slice();
      for (let i = 1; i < reach.length; i++) reach[i] = Math.max(reach[i], reach[i - 1]);
      this.list[Math.floor(key / kinds)].strips.push({ look: key % kinds, start: starts, end: ends, reach, from: 0, to: bars.length, bars, crowded: true });
    }
  }

  at(y) { return this.list.find(row => row.y <= y && y < row.y + row.height); }
}

// ---- painting ------------------------------------------------------------------------------------------

const STROKES = { "//": [[0, 8, 8, 0]], "\\\\": [[0, 0, 8, 8]], "--": [[0, 4, 8, 4]], "xx": [[0, 8, 8, 0], [0, 0, 8, 8]],
  "++": [[0, 4, 8, 4], [4, 0, 4, 8]], "..": [[3, 4, 5, 4]] };

function tile(look) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 8;
  const pen = canvas.getContext("2d");
  const dark = ["#000000", "#3B3B7A", "#555555", "#0072B2"].includes(look.colour);
  pen.strokeStyle = dark ? "rgba(255,255,255,.75)" : "rgba(0,0,0,.6)";
  for (const [x, y, u, v] of STROKES[look.pattern] || []) { pen.beginPath(); pen.moveTo(x, y); pen.lineTo(u, v); pen.stroke(); }
  return canvas;
}

const least = look => (look.failing ? 3 : 1);

// Calls emit(x0, x1) for what one strip paints in the window; wide bars one by one, others as runs.
function runs(strip, look, low, high, scale, emit) {
  const { start, end, reach, from, to } = strip, min = least(look);
  let i = firstAtLeast(reach, from, to, low - min / scale);
  while (i < to && start[i] <= high) {
    const x0 = (start[i] - low) * scale, own = (end[i] - low) * scale;
    if (!strip.crowded && own - x0 >= 5) { emit(x0, own, true); i++; continue; }
    let x1 = Math.max(x0 + min, (reach[i] - low) * scale);
    for (;;) {
      const k = firstAbove(start, i + 1, to, low + x1 / scale);
      if (k === i + 1) break;
      i = k - 1;
      x1 = Math.max(x1, (start[i] - low) * scale + min, (reach[i] - low) * scale);
      if (x1 > (high - low) * scale) break;
    }
    emit(x0, x1, false);
    i++;
  }
}

function ticks(low, high, most) {
  const span = high - low;
  const [factor, unit] = span >= 259200 ? [86400, "d"] : span >= 10800 ? [3600, "h"] : span >= 600 ? [60, "min"] : [1, "s"];
  const raw = span / factor / most, ten = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(m => m * ten).find(s => s >= raw), digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const found = [];
  for (let k = Math.ceil(low / factor / step); k * step * factor <= high; k++) {
    found.push([k * step * factor, (k * step).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })]);
  }
  return { found, unit };
}

class Painter {
  constructor(canvas, books) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
    this.books = books;
    this.fills = books.looks.map(look => look.pattern && this.pen.createPattern(tile(look), "repeat"));
  }

  fit(width, height) {
    const dots = window.devicePixelRatio || 1;
    this.width = width;
    this.height = height;
    if (this.canvas.width !== Math.round(width * dots) || this.canvas.height !== Math.round(height * dots)) {
      this.canvas.width = Math.round(width * dots);
      this.canvas.height = Math.round(height * dots);
      this.canvas.style.height = `${height}px`;
    }
    this.pen.setTransform(dots, 0, 0, dots, 0, 0);
  }

  // Where a bar of a lane's row stands, from the canvas's top left corner.
  box(bar, rows, window) {
    const row = rows.list[rows.rowOf[this.books.lane[bar]]], look = this.books.looks[this.books.look[bar]];
    if (!row) return null;
    const scale = (this.width - GUTTER) / (window.high - window.low);
    const x = GUTTER + (this.books.start[bar] - window.low) * scale, tall = Math.round((row.height - 2) * look.share);
    const wide = Math.max(least(look), (this.books.end[bar] - this.books.start[bar]) * scale);
    return { x, y: AXIS + row.y - window.scroll + Math.round((row.height - tall) / 2), width: wide, height: tall };
  }

  draw(rows, window, state) {
    const { pen, width, height } = this;
    pen.fillStyle = "#ffffff";
    pen.fillRect(0, 0, width, height);
    const shown = rows.list.filter(row => row.y + row.height > window.scroll && row.y < window.scroll + height - AXIS);
    this.axis(window);
    pen.save();
    pen.beginPath();
    pen.rect(0, AXIS, width, height - AXIS);
    pen.clip();
    shown.forEach(row => this.label(row, AXIS + row.y - window.scroll));
    pen.beginPath();
    pen.rect(GUTTER, AXIS, width - GUTTER, height - AXIS);
    pen.clip();
    const dim = state.lit.length > 0;
    for (const failing of [false, true]) {
      for (const row of shown) {
        pen.globalAlpha = !dim || row.group.name === state.named ? 1 : failing ? 0.5 : 0.25;
        if (row.strips) this.bars(row, window, state.hidden, failing);
      }
    }
    pen.globalAlpha = 1;
    if (dim && !state.named) this.lit(rows, window, state);
    if (dim) this.cursor(rows, window, state.cursor);
    this.measure(window, state.measured);
    pen.restore();
    pen.save();
    pen.beginPath();
    pen.rect(0, AXIS, width, height - AXIS);
    pen.clip();
    for (const row of shown) if (row.type === "head") this.heading(row, AXIS + row.y - window.scroll);
    pen.restore();
  }

  bars(row, window, hidden, failing) {
    const { pen } = this, scale = (this.width - GUTTER) / (window.high - window.low), y = AXIS + row.y - window.scroll;
    for (const strip of row.strips) {
      const look = this.books.looks[strip.look];
      if (look.failing !== failing || hidden.includes(look.key)) continue;
      const tall = Math.round((row.height - 2) * look.share), top = y + Math.round((row.height - tall) / 2), fill = this.fills[strip.look];
      pen.fillStyle = look.colour;
      runs(strip, look, window.low, window.high, scale, (x0, x1, single) => {
        const left = GUTTER + Math.max(x0, -9), right = Math.min(GUTTER + x1, this.width + 9) - (single ? 1 : 0);
        pen.fillRect(left, top, right - left, tall);
        if (fill && right - left >= 7) { pen.fillStyle = fill; pen.fillRect(left, top, right - left, tall); pen.fillStyle = look.colour; }
      });
    }
  }

  // From each cause to its effect: along the cause's lane to the moment, then across to the effect's.
  joints(rows, window, joints) {
    const { pen, books } = this, scale = (this.width - GUTTER) / (window.high - window.low);
    const middle = bar => { const box = this.box(bar, rows, window); return box && box.y + box.height / 2; };
    pen.strokeStyle = pen.fillStyle = MUTED;
    pen.lineWidth = 1;
    for (const [cause, effect] of joints) {
      const from = middle(cause), to = middle(effect);
      if (from === null || to === null || from === to) continue;
      const x = GUTTER + (books.start[effect] - window.low) * scale, gone = GUTTER + (Math.min(books.end[cause], books.start[effect]) - window.low) * scale;
      pen.beginPath();
      pen.moveTo(gone, from);
      pen.lineTo(x, from);
      pen.lineTo(x, to);
      pen.stroke();
      const tip = to + (to > from ? -LANE / 2 : LANE / 2), back = to > from ? -5 : 5;
      pen.beginPath();
      pen.moveTo(x, tip);
      pen.lineTo(x - 3, tip + back);
      pen.lineTo(x + 3, tip + back);
      pen.fill();
    }
  }

  // The chain, bar by bar with a rim.
  lit(rows, window, state) {
    const { pen, books } = this;
    this.joints(rows, window, state.joints);
    for (const failing of [false, true]) {
      for (const bar of state.lit) {
        const look = books.looks[books.look[bar]];
        if (look.failing !== failing || state.hidden.includes(look.key)) continue;
        const box = this.box(bar, rows, window);
        if (!box || box.x > this.width || box.x + box.width < GUTTER || box.y > this.height || box.y < AXIS - TALLEST) continue;
        const left = Math.max(box.x, GUTTER - 9), right = Math.min(box.x + box.width, this.width + 9);
        pen.fillStyle = look.colour;
        pen.fillRect(left, box.y, right - left, box.height);
        if (right - left >= 7 && this.fills[books.look[bar]]) { pen.fillStyle = this.fills[books.look[bar]]; pen.fillRect(left, box.y, right - left, box.height); }
        if (right - left >= 4 && look.key !== "idle") { pen.strokeStyle = INK; pen.lineWidth = 1; pen.strokeRect(left + 0.5, box.y + 0.5, right - left - 1, box.height - 1); }
      }
    }
  }

  cursor(rows, window, bar) {
    const { pen } = this, at = bar >= 0 && this.box(bar, rows, window);
    if (!at) return;
    pen.strokeStyle = "#ffffff";
    pen.lineWidth = 5;
    pen.strokeRect(at.x - 2, at.y - 2, at.width + 4, at.height + 4);
    pen.strokeStyle = INK;
    pen.lineWidth = 2.5;
    pen.strokeRect(at.x - 2, at.y - 2, at.width + 4, at.height + 4);
  }

  label(row, y) {
    const { pen, width } = this;
    pen.textBaseline = "middle";
    pen.textAlign = "left";
    if (row.type === "head") {
      pen.fillStyle = HEADING;
      pen.fillRect(0, y + 1, width, row.height - 1);
      return;
    }
    pen.fillStyle = MUTED;
    pen.font = "11px system-ui, 'DejaVu Sans', sans-serif";
    const text = row.type === "more" ? `+ ${count(row.rest)} more ▸` : row.label;
    pen.fillText(text, 12, y + row.height / 2, GUTTER - 16);
    pen.fillStyle = GRID;
    pen.fillRect(GUTTER, y + row.height - 1, width - GUTTER, 1);
  }

  // Written last, with a rim of the ground's colour: the lines of a chain run behind it.
  heading(row, y) {
    const { pen } = this, { group } = row, lanes = group.lanes > 1 ? ` · ${count(group.lanes)} lanes` : "";
    const text = `${row.open ? "▾" : "▸"} ${TITLES[group.kind]} ${group.name}${lanes}`;
    pen.font = "600 12px system-ui, 'DejaVu Sans', sans-serif";
    pen.textBaseline = "middle";
    pen.textAlign = "left";
    pen.strokeStyle = HEADING;
    pen.lineWidth = 4;
    pen.strokeText(text, 6, y + row.height / 2 + 1, this.width - 12);
    pen.fillStyle = INK;
    pen.fillText(text, 6, y + row.height / 2 + 1, this.width - 12);
  }

  axis(window) {
    const { pen, width, height } = this, { found, unit } = ticks(window.low, window.high, Math.max(2, (width - GUTTER) / 95));
    pen.font = "11px system-ui, 'DejaVu Sans', sans-serif";
    pen.textBaseline = "middle";
    pen.textAlign = "center";
    for (const [at, text] of found) {
      const x = GUTTER + (at - window.low) / (window.high - window.low) * (width - GUTTER);
      pen.fillStyle = GRID;
      pen.fillRect(x, AXIS - 4, 1, height);
      pen.fillStyle = INK;
      if (x > GUTTER + 8 && x < width - 14) pen.fillText(text, x, AXIS / 2);
    }
    pen.textAlign = "left";
    pen.fillStyle = MUTED;
    pen.fillText(`virtual time (${unit})`, 8, AXIS / 2);
  }

  measure(window, measured) {
    const { pen, width, height } = this, scale = (width - GUTTER) / (window.high - window.low);
    const xs = measured.map(at => GUTTER + (at - window.low) * scale);
    if (xs.length === 2) {
      pen.fillStyle = "rgba(0,114,178,.12)";
      pen.fillRect(Math.min(...xs), AXIS, Math.abs(xs[1] - xs[0]), height);
    }
    pen.fillStyle = "#0b4f7c";
    xs.forEach(x => pen.fillRect(x - 0.75, AXIS, 1.5, height));
    if (xs.length < 2) return;
    const text = duration(Math.abs(measured[1] - measured[0])), x = (xs[0] + xs[1]) / 2;
    pen.font = "600 13px system-ui, 'DejaVu Sans', sans-serif";
    const wide = pen.measureText(text).width + 12, left = Math.min(Math.max(x - wide / 2, GUTTER + 2), width - wide - 2);
    pen.fillRect(left, height - 26, wide, 20);
    pen.fillStyle = "#ffffff";
    pen.textAlign = "left";
    pen.textBaseline = "middle";
    pen.fillText(text, left + 6, height - 16);
  }
}

// All of the trace in one strip: how much goes on, failures below, the chain above.
class Minimap {
  constructor(canvas, books) { Object.assign(this, { canvas, books, painter: new Painter(canvas, books), ground: null, key: "" }); }

  draw(width, window, lit, whole) {
    const { painter } = this, key = `${width} ${whole}`;
    painter.fit(width, MAP);
    if (key !== this.key) { this.density(width, whole); this.key = key; }
    const { pen } = painter, x = at => at / whole * width;
    pen.drawImage(this.ground, 0, 0, width, MAP);
    pen.fillStyle = INK;
    let last = -9;
    for (const bar of lit) { const at = x(this.books.start[bar]); if (at >= last + 1) { pen.fillRect(at, 0, 2, 5); last = at; } }
    const left = x(window.low), right = Math.max(x(window.high), left + 4);
    pen.fillStyle = "rgba(255,255,255,.6)";
    pen.fillRect(0, 0, Math.max(left, 0), MAP);
    pen.fillRect(right, 0, width - right, MAP);
    pen.strokeStyle = "#0b4f7c";
    pen.lineWidth = 2;
    pen.strokeRect(left + 1, 1, right - left - 2, MAP - 2);
  }

  density(width, whole) {
    const bins = Math.max(1, Math.floor(width)), change = new Int32Array(bins + 2), bad = new Uint8Array(bins + 1), { books } = this;
    const at = time => Math.min(bins - 1, Math.max(0, Math.floor(time / whole * bins)));
    for (let i = 0; i < books.n; i++) {
      if (books.failing(i)) bad[at(books.start[i])] = 1;
      if (books.looks[books.look[i]].key === "idle") continue;
      change[at(books.start[i])]++;
      change[at(books.end[i]) + 1]--;
    }
    let most = 1;
    for (let i = 1; i < bins; i++) { change[i] += change[i - 1]; most = Math.max(most, change[i]); }
    this.ground = document.createElement("canvas");
    this.ground.width = bins;
    this.ground.height = MAP;
    const pen = this.ground.getContext("2d");
    pen.fillStyle = "#ffffff";
    pen.fillRect(0, 0, bins, MAP);
    for (let i = 0; i < bins; i++) {
      const tall = Math.sqrt(Math.max(change[i], 0) / most) * (MAP - 16);
      pen.fillStyle = "#8fb8d3";
      pen.fillRect(i, MAP - 9 - tall, 1, tall);
      pen.fillStyle = "#D55E00";
      if (bad[i]) pen.fillRect(i, MAP - 8, 2, 8);
    }
  }
}

// ---- the page ------------------------------------------------------------------------------------------

function make(tag, known = {}, ...inside) {
  const { text, on = {}, ...rest } = known, element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(rest)) element.setAttribute(name, value);
  for (const [name, does] of Object.entries(on)) element.addEventListener(name, does);
  element.append(...inside);
  // JupyterLab's and Notebook's own keys stay out of here: with a letter they delete cells. Some releases ask
  // what has the focus, others hear what comes up to them.
  if (["button", "input", "canvas"].includes(tag)) element.dataset.lmSuppressShortcuts = "true";
  return element;
}

const HELP = "Drag or Shift+arrows to move, + and - to zoom, 0 for all. The wheel zooms after a click into the picture, or with Ctrl; else it "
  + "moves the lanes, then the page. Click a bar for its chain, left and right to walk it, up to its cause, down to its effect, Enter to begin "
  + "anew from here; F chain only, O opens a group, M measures, / search, Esc nothing.";

class Viewer {
  constructor(model, root) {
    Object.assign(this, { model, root, scroll: 0, drag: null, asked: 0, draws: 0, marking: false });
    this.still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.page();
    this.read();
    this.listen();
    this.watcher = new ResizeObserver(() => this.redraw());
    this.watcher.observe(this.stage);
    this.redraw();
  }

  // ---- state: in the model's traits, so that Python and the browser see the same ----

  get(name) { return this.model.get(name); }

  set(changes) {
    for (const [name, value] of Object.entries(changes)) this.model.set(name, value);
    this.model.save_changes();
  }

  read() {
    this.books = new Books(this.model);
    this.painter = new Painter(this.canvas, this.books);
    this.map = new Minimap(this.small, this.books);
    this.small.setAttribute("aria-valuemin", "0");
    this.small.setAttribute("aria-valuemax", this.whole().toFixed(3));
    [this.low, this.high] = this.get("view");
    this.names.replaceChildren(...[...new Set(this.books.groups.map(g => g.name))].slice(0, 200).map(value => make("option", { value })));
    this.legend();
    this.light();
    if (this.awaited !== this.get("selected") || !this.lit.length) return;
    this.awaited = null;  // what was merged has come
    this.set({ cursor: this.lit[0] });
    this.toChain();
  }

  listen() {
    const on = (names, does) => names.split(" ").forEach(name => this.model.on(`change:${name}`, does));
    this.off = [["data", () => this.read()], ["selected", () => this.light()], ["opened focus hidden", () => { this.legend(); this.layout(); }],
      ["cursor", () => { this.tell(); this.reveal(); this.redraw(); }], ["measured", () => this.redraw()], ["height", () => this.light()],
      ["view", () => { if (!this.moving) [this.low, this.high] = this.get("view"); this.redraw(); }]];
    this.off.forEach(([names, does]) => on(names, does));
  }

  // ---- what the page is made of ----

  page() {
    const button = (text, label, does) => make("button", { type: "button", text, "aria-label": label, title: label, on: { click: does } });
    const list = `lambdalab-names-${Math.floor(performance.now() * 1000)}-${document.querySelectorAll(".lambdalab-viewer").length}`;
    this.names = make("datalist", { id: list });
    this.search = make("input", { type: "search", placeholder: "r2, b3, m12 or a name", "aria-label": "Search by id or name", list,
      on: { change: () => this.seek(this.search.value), keydown: e => { if (e.key === "Enter") { e.stopPropagation(); e.preventDefault(); this.seek(this.search.value); } } } });
    this.chainOnly = button("Chain only", "Show only the lanes of the chain (F)", () => this.set({ focus: !this.get("focus") }));
    this.ruler = button("Measure", "Measure between two times: two clicks, or Shift and drag (M)", () => this.mark(!this.marking));
    this.tools = make("div", { class: "tools", role: "toolbar", "aria-label": "Trace viewer" }, this.search, this.names,
      button("−", "Zoom out (-)", () => this.zoom(2)), button("+", "Zoom in (+)", () => this.zoom(0.5)),
      button("◀", "Earlier (Shift+Left)", () => this.pan(-0.25)), button("▶", "Later (Shift+Right)", () => this.pan(0.25)),
      button("All", "The whole time (0)", () => this.go(0, this.whole())), button("Chain", "The time of the chain (Z)", () => this.toChain()),
      this.chainOnly, this.ruler);
    this.canvas = make("canvas", { class: "big", tabindex: 0, role: "application", "aria-label": `Bars of a trace in lanes. ${HELP}` });
    this.small = make("canvas", { class: "small", tabindex: 0, role: "slider", "aria-label": "The whole time: drag the window, or use the arrow keys" });
    this.tip = make("div", { class: "tip", hidden: "" });
    this.stage = make("div", { class: "stage" }, this.canvas, this.small, this.tip);
    this.found = make("div", { class: "found" });
    this.story = make("div", { class: "story", tabindex: 0, role: "region", "aria-label": "The story of the chain" });
    this.side = make("div", { class: "side" }, this.found, this.story);
    this.keys = make("div", { class: "legend", role: "group", "aria-label": "Legend: press to hide or show" });
    this.live = make("div", { class: "live", "aria-live": "polite", role: "status" });
    this.root.classList.add("lambdalab-viewer");
    this.root.dataset.lmSuppressShortcuts = this.story.dataset.lmSuppressShortcuts = "true";
    this.root.addEventListener("keydown", e => { if (!e.ctrlKey && !e.metaKey && !e.altKey) e.stopPropagation(); });
    this.root.replaceChildren(this.tools, make("div", { class: "room" }, make("div", { class: "main" }, this.stage, this.side)), this.keys, this.live,
      make("div", { class: "note help", text: HELP, "aria-hidden": "true" }));
    this.hear();
  }

  legend() {
    const hidden = this.get("hidden"), flip = key => this.set({ hidden: hidden.includes(key) ? hidden.filter(k => k !== key) : [...hidden, key] });
    const entry = (key, inside) => make("button", { type: "button", "data-key": key, "aria-pressed": String(!hidden.includes(key)), on: { click: () => flip(key) } }, ...inside);
    const looks = this.books.looks.filter(look => look.count).map(look => {
      const canvas = make("canvas", { width: 20, height: 12, "aria-hidden": "true" }), pen = canvas.getContext("2d");
      for (const fill of [look.colour, look.pattern && pen.createPattern(tile(look), "repeat")]) if (fill) { pen.fillStyle = fill; pen.fillRect(0, 0, 20, 12); }
      return entry(look.key, [canvas, `${look.label} ${count(look.count)}`]);
    });
    const kinds = [...new Set(this.books.groups.map(g => g.kind))].map(kind => entry(kind, [`${kind}${kind.endsWith("s") ? "" : "s"}`]));
    const lost = this.keys.contains(document.activeElement) && document.activeElement.dataset.key;
    this.keys.replaceChildren(...looks, make("span", { class: "kinds", title: "lanes" }, "Lanes:", ...kinds));
    if (lost) this.keys.querySelector(`[data-key="${lost}"]`)?.focus();
  }

  findings() {
    const { findings, merged, n } = this.books, selected = this.get("selected"), cursor = this.get("cursor");
    const buttons = findings.map(found => make("button", { type: "button", title: found.said, "aria-current": String(found.bar === cursor && selected === this.books.id(found.bar)),
      on: { click: () => this.jump(this.books.id(found.bar), found.bar) } }, make("b", { text: `${found.what}: ` }), found.said));
    const note = merged ? [make("div", { class: "note", text: `${count(merged)} quiet bars are merged with their neighbours; failures and all around them are shown one by one.` })] : [];
    this.found.replaceChildren(make("h4", { text: n ? "Worth a look" : "Nothing has happened yet" }), ...buttons, ...note);
  }

  // ---- the chain ----

  light() {
    this.lit = this.books.litBy(this.get("selected"));
    const selected = this.get("selected"), thing = this.books.named(selected);
    this.named = thing ? "" : selected;  // a function or queue: all of its lanes
    this.joints = thing ? this.books.joints(this.lit) : [];
    this.layout();
    this.tell();
    this.reveal();
  }

  layout() {
    const [opened, hidden, focus] = ["opened", "hidden", "focus"].map(name => this.get(name));
    this.rows = new Rows(this.books, { opened, hidden, focus, lit: this.lit, room: this.get("height") - AXIS });
    this.chainOnly.setAttribute("aria-pressed", String(focus));
    this.clamp();
    this.redraw();
  }

  // The story beside the picture: numbered, of a long one the part around the cursor.
  tell() {
    const { lit, books } = this, cursor = this.get("cursor"), selected = this.get("selected"), scrolled = this.story.scrollTop;
    this.findings();
    const place = Math.max(0, lit.indexOf(cursor)), first = Math.max(0, Math.min(place - MOST_TOLD / 2, lit.length - MOST_TOLD));
    const items = [...lit.slice(first, first + MOST_TOLD)].map((bar, i) => make("li", { value: first + i + 1, "data-bar": bar,
      "aria-current": String(bar === cursor), class: books.failing(bar) ? "bad" : "", on: { click: () => this.step(bar) } },
      make("span", { class: "at", text: moment(books.start[bar]) }), ` ${books.sentence(bar)}`));
    const rest = lit.length - items.length;
    const note = rest ? [make("div", { class: "note", text: `${count(lit.length)} in all; the arrow keys lead to the others.` })] : [];
    const title = lit.length ? [make("h4", { text: `The chain of ${selected}` }), ...note, make("ol", {}, ...items)] : [make("div", { class: "note", text: "Click a bar to see what caused it, and what it caused." })];
    this.story.replaceChildren(...title);
    this.side.style.height = `${this.get("height") + MAP + 6}px`;
    this.story.scrollTop = scrolled;
    const current = this.story.querySelector("[aria-current=true]");
    if (current) {
      const top = current.offsetTop, bottom = top + current.offsetHeight;
      if (top < this.story.scrollTop || bottom > this.story.scrollTop + this.story.clientHeight) this.story.scrollTop = Math.max(0, top - this.story.clientHeight / 3);
    }
    if (lit.length && lit.includes(cursor)) this.announce(`${place + 1} of ${lit.length}: ${moment(books.start[cursor])}, ${books.sentence(cursor)}`);
    else if (lit.length) this.announce(`${count(lit.length)} bars of ${selected}`);
    else if (selected && !(books.merged && books.named(selected))) this.announce(`Nothing here is called ${selected}.`);
    else if (selected) this.announce(`${selected} is merged with its neighbours, as this trace is so large: with a kernel it will come.`);
    else this.announce(books.n ? "Nothing is selected." : "This trace is empty: nothing has happened yet.");
  }

  announce(text) { this.live.textContent = text; }

  jump(selected, bar) {
    const lit = this.books.litBy(selected);
    this.awaited = lit.length ? null : selected;
    this.set({ selected, cursor: bar ?? lit[0] ?? -1 });
    this.toChain();
  }

  seek(text) {
    const found = this.books.found(text);
    if (found) this.jump(found);
    else this.announce(`Nothing here is called ${text.trim() || "that"}: an id is r2, a5, b3, m12, e1 or c1, or in full.`);
  }

  step(bar) {
    this.set({ cursor: bar });
    const { start, end } = this.books;
    if (end[bar] < this.low || start[bar] > this.high) this.go(start[bar] - (this.high - this.low) / 2, start[bar] + (this.high - this.low) / 2);
  }

  walk(by) {
    if (!this.lit.length) return;
    const place = this.lit.indexOf(this.get("cursor"));
    this.step(this.lit[place < 0 ? 0 : Math.min(Math.max(place + by, 0), this.lit.length - 1)]);
  }

  // To the nearest cause above, or effect below, that has a bar in the chain.
  climb(side, last) {
    const cursor = this.get("cursor"), inside = new Set(this.lit);
    if (cursor < 0) return;
    let walk = [this.books.node(cursor)];
    const seen = new Set(walk);
    while (walk.length) {
      const next = walk.flatMap(n => [...side.members.slice(side.begin[n], side.begin[n + 1])]).filter(n => !seen.has(n));
      for (const node of next) {
        seen.add(node);
        const bars = [...this.books.barsOf.members.slice(this.books.barsOf.begin[node], this.books.barsOf.begin[node + 1])].filter(b => inside.has(b));
        if (bars.length) { this.step(last ? bars[bars.length - 1] : bars[0]); return; }
      }
      walk = next;
    }
    this.announce(last ? "Nothing in the books caused this." : "This caused nothing more.");
  }

  // ---- time and lanes on show ----

  whole() { return Math.max(this.books.last * 1.01, 1e-3); }

  go(low, high, smooth = true) {
    const span = Math.max(high - low, 2e-6);
    low = Math.max(Math.min(low, this.whole() - span / 2), -span / 2);
    const from = [this.low, this.high], to = [low, low + span], began = performance.now();
    cancelAnimationFrame(this.gliding);
    const glide = now => {
      const part = this.still || !smooth ? 1 : Math.min(1, (now - began) / 220), ease = part * part * (3 - 2 * part);
      this.low = from[0] + (to[0] - from[0]) * ease;
      this.high = from[1] + (to[1] - from[1]) * ease;
      this.redraw();
      if (part < 1) this.gliding = requestAnimationFrame(glide);
    };
    glide(began);
    this.moving = true;
    clearTimeout(this.saving);
    this.saving = setTimeout(() => { this.moving = false; this.set({ view: to }); }, this.still || !smooth ? 60 : 260);
  }

  pan(share) { const by = (this.high - this.low) * share; this.go(this.low + by, this.high + by); }

  zoom(factor, at = (this.low + this.high) / 2, smooth = true) {
    const span = Math.min(Math.max((this.high - this.low) * factor, 2e-6), this.whole() * 1.5), share = (at - this.low) / (this.high - this.low);
    this.go(at - span * share, at + span * (1 - share), smooth);
  }

  toChain() {
    if (!this.lit.length) { this.go(0, this.whole()); return; }
    let low = Infinity, high = -Infinity;
    for (const bar of this.lit) { low = Math.min(low, this.books.start[bar]); high = Math.max(high, this.books.over(bar)); }
    const margin = Math.max((high - low) * 0.06, 0.005);
    this.go(Math.max(low - margin, 0), high + margin);
  }

  reveal() {
    const cursor = this.get("cursor"), row = cursor >= 0 && cursor < this.books.n && this.rows.list[this.rows.rowOf[this.books.lane[cursor]]];
    if (!row) return;
    const room = this.get("height") - AXIS;
    if (row.y < this.scroll + HEAD) this.scroll = row.y - 2 * HEAD;
    if (row.y + row.height > this.scroll + room) this.scroll = row.y + row.height - room + LANE;
    this.clamp();
  }

  clamp() { this.scroll = Math.max(0, Math.min(this.scroll, this.rows.height - this.get("height") + AXIS + LANE)); }

  redraw() {
    if (!this.asked) this.asked = requestAnimationFrame(() => { this.asked = 0; this.draw(); });
  }

  draw() {
    const began = performance.now(), width = this.stage.clientWidth;
    if (!width) return;
    this.painter.fit(width, this.get("height"));
    const window = { low: this.low, high: this.high, scroll: this.scroll };
    const [hidden, measured, cursor] = ["hidden", "measured", "cursor"].map(name => this.get(name));
    this.painter.draw(this.rows, window, { hidden, measured, lit: this.lit, joints: this.joints, cursor, named: this.named });
    this.map.draw(width, window, this.lit, this.whole());
    this.small.setAttribute("aria-valuetext", `${moment(this.low)} to ${moment(this.high)}`);
    this.small.setAttribute("aria-valuenow", this.low.toFixed(3));
    this.root.dataset.draws = String(++this.draws);
    this.root.dataset.ms = (performance.now() - began).toFixed(2);
    this.root.dataset.view = `${this.low.toFixed(6)} ${this.high.toFixed(6)}`;
  }

  // ---- the pointer ----

  point(event) {
    const box = this.canvas.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
    return { x, y, at: this.low + (x - GUTTER) / (box.width - GUTTER) * (this.high - this.low), scale: (box.width - GUTTER) / (this.high - this.low) };
  }

  // The topmost bar at a point, and how many of its look are on the same pixels.
  hit({ x, y, at, scale }) {
    const row = y > AXIS && x > GUTTER && this.rows.at(y - AXIS + this.scroll), hidden = this.get("hidden");
    if (!row || !row.strips) return null;
    for (const strip of [...row.strips].reverse()) {
      const look = this.books.looks[strip.look], near = 2 / scale, min = least(look) / scale;
      if (hidden.includes(look.key)) continue;
      let best = -1, off = Infinity, same = 0;
      const from = firstAtLeast(strip.reach, strip.from, strip.to, at - near - min), to = firstAbove(strip.start, from, strip.to, at + near);
      for (let i = to - 1; i >= from && to - i < 5000; i--) {
        if (Math.max(strip.end[i], strip.start[i] + min) < at - near) continue;
        same++;
        const away = Math.max(strip.start[i] - at, at - strip.end[i], 0);
        if (away < off) { off = away; best = i; }
      }
      if (best >= 0) return { bar: strip.bars ? strip.bars[best] : best, same };
    }
    return null;
  }

  hover(event) {
    const at = this.point(event), hit = this.hit(at), { books } = this;
    this.canvas.style.cursor = hit ? "pointer" : this.marking ? "crosshair" : "default";
    this.tip.hidden = !hit;
    if (!hit) return;
    const { bar, same } = hit, look = books.looks[books.look[bar]];
    const facts = `${look.label} · ${books.group(bar).name} · ${moment(books.start[bar])} to ${moment(books.end[bar])} (${duration(books.end[bar] - books.start[bar])})`;
    const more = same > 1 ? [make("div", { class: "note", text: `and ${count(same - 1)} more on these pixels: zoom in` })] : [];
    this.tip.replaceChildren(make("div", {}, make("b", { text: books.id(bar) || "merged" }), ` ${facts}`), make("div", { text: books.sentence(bar) }), ...more);
    this.tip.style.left = `${Math.max(0, Math.min(at.x + 14, this.stage.clientWidth - this.tip.offsetWidth - 4))}px`;
    this.tip.style.top = `${at.y + 18 + this.tip.offsetHeight > this.get("height") ? Math.max(0, at.y - this.tip.offsetHeight - 10) : at.y + 18}px`;
  }

  click(event) {
    const at = this.point(event), row = this.rows.at(at.y - AXIS + this.scroll), hit = this.hit(at);
    if (this.marking && at.x > GUTTER) { this.set({ measured: this.get("measured").length === 1 ? [...this.get("measured"), at.at] : [at.at] }); this.sayMeasured(); return; }
    if (row && (row.type === "head" || (row.type === "more" && !hit))) { this.flip(row); return; }
    if (hit && this.books.id(hit.bar)) this.set({ selected: this.books.id(hit.bar), cursor: hit.bar });
    else if (hit) this.announce(this.books.sentence(hit.bar));
  }

  // A group opens, and closes.
  flip(row) {
    const opened = this.get("opened"), name = keyOf(row.group), open = !opened.includes(name);
    this.set({ opened: open ? [...opened, name] : opened.filter(n => n !== name), ...(row.type === "more" ? { focus: false } : {}) });
    this.announce(`${TITLES[row.group.kind]} ${row.group.name} is ${open ? "open" : "closed"}: ${count(row.group.lanes)} lanes.`);
  }

  // By keys: the group of the bar under the cursor, else the topmost on show.
  open() {
    const cursor = this.get("cursor"), { books, rows } = this;
    const row = (cursor >= 0 && rows.list[rows.rowOf[books.lane[cursor]]]) || rows.at(this.scroll + 1);
    if (row) this.flip(row);
  }

  sayMeasured() {
    const [one, other] = this.get("measured");
    this.announce(other === undefined ? `From ${moment(one)}: click the other time.` : `From ${moment(Math.min(one, other))} to ${moment(Math.max(one, other))}: ${duration(Math.abs(other - one))}.`);
    if (other !== undefined) this.mark(false, true);
  }

  mark(on, keep = false) {
    this.marking = on;
    this.ruler.setAttribute("aria-pressed", String(on));
    if (!keep && this.get("measured").length) this.set({ measured: [] });
  }

  hear() {
    const { canvas, small } = this;
    this.ruler.setAttribute("aria-pressed", "false");
    canvas.addEventListener("pointerdown", e => { canvas.focus({ preventScroll: true }); canvas.setPointerCapture(e.pointerId); this.drag = { ...this.point(e), low: this.low, high: this.high, scroll: this.scroll, moved: false, ruler: e.shiftKey }; });
    canvas.addEventListener("pointermove", e => (this.drag ? this.dragged(e) : this.hover(e)));
    canvas.addEventListener("pointerup", e => { const { moved, ruler } = this.drag || {}; this.drag = null; if (ruler && moved) this.sayMeasured(); else if (!moved) this.click(e); });
    canvas.addEventListener("pointercancel", () => { this.drag = null; });
    canvas.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    canvas.addEventListener("wheel", e => this.wheel(e), { passive: false });
    this.elsewhere = e => { if (e.composedPath()[0] !== canvas) this.passed = e.timeStamp; };
    window.addEventListener("wheel", this.elsewhere, { passive: true, capture: true });
    canvas.addEventListener("keydown", e => this.key(e));
    small.addEventListener("pointerdown", e => { small.setPointerCapture(e.pointerId); this.grab(e, true); });
    small.addEventListener("pointermove", e => { if (this.held !== undefined) this.grab(e); });
    for (const name of ["pointerup", "pointercancel"]) small.addEventListener(name, () => { this.held = undefined; });
    small.addEventListener("keydown", e => { const by = { ArrowLeft: -0.25, ArrowRight: 0.25 }[e.key]; if (by) { e.preventDefault(); this.pan(by); } });
  }

  // Who scrolls the page is not held up: the wheel zooms where the keyboard is too, or with Ctrl or the
  // command key. Else it moves the lanes as long as there are more, unless the turn began elsewhere.
  wheel(event) {
    const unit = [1, 16, this.get("height")][event.deltaMode], dx = event.deltaX * unit, dy = event.deltaY * unit, { at, scale } = this.point(event);
    if (event.shiftKey) this.scrolled(dy || dx);
    else if (Math.abs(dx) > Math.abs(dy)) this.go(this.low + dx / scale, this.high + dx / scale, false);
    else if (event.ctrlKey || event.metaKey || this.canvas.getRootNode().activeElement === this.canvas) this.zoom(Math.exp(Math.max(-60, Math.min(60, dy)) * 0.006), at, false);
    else if (event.timeStamp - (this.passed ?? -1e9) < 300 || !this.scrolled(dy)) { this.passed = event.timeStamp; return; }
    event.preventDefault();
  }

  // Moves the lanes; whether there were more.
  scrolled(by) {
    const before = this.scroll;
    this.scroll += by;
    this.clamp();
    this.redraw();
    return this.scroll !== before;
  }

  dragged(event) {
    const at = this.point(event), { drag } = this, dx = at.x - drag.x, dy = at.y - drag.y;
    if (Math.abs(dx) + Math.abs(dy) > 3) drag.moved = true;
    if (!drag.moved) return;
    this.tip.hidden = true;
    if (drag.ruler) { this.set({ measured: [drag.at, at.at] }); return; }
    this.go(drag.low - dx / at.scale, drag.high - dx / at.scale, false);
    this.scroll = drag.scroll - dy;
    this.clamp();
  }

  // The window of the minimap: held where it was taken; a click beside it brings it there.
  grab(event, begin) {
    const box = this.small.getBoundingClientRect(), at = (event.clientX - box.left) / box.width * this.whole(), span = this.high - this.low;
    if (begin) this.held = at >= this.low && at <= this.high ? at - this.low : span / 2;
    this.go(at - this.held, at - this.held + span, false);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { causesOf, effectsOf } = this.books, lanes = by => this.scrolled(by);
    const none = !this.lit.length;
    const does = {
      ArrowLeft: () => (event.shiftKey || none ? this.pan(-0.2) : this.walk(-1)), ArrowRight: () => (event.shiftKey || none ? this.pan(0.2) : this.walk(1)),
      ArrowUp: () => (event.shiftKey || none ? lanes(-3 * LANE) : this.climb(causesOf, true)), ArrowDown: () => (event.shiftKey || none ? lanes(3 * LANE) : this.climb(effectsOf, false)),
      PageUp: () => lanes(-this.get("height") / 2), PageDown: () => lanes(this.get("height") / 2), Home: () => this.walk(-1e9), End: () => this.walk(1e9),
      Enter: () => { const cursor = this.get("cursor"); if (cursor >= 0 && this.books.id(cursor)) this.set({ selected: this.books.id(cursor) }); },
      Escape: () => { this.mark(false); this.set({ selected: "", cursor: -1 }); },
      "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2), 0: () => this.go(0, this.whole()), z: () => this.toChain(),
      f: () => this.set({ focus: !this.get("focus") }), "/": () => this.search.focus(), o: () => this.open(), m: () => this.markHere(),
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!does) return;
    event.preventDefault();
    event.stopPropagation();
    does();
  }

  // The ruler by keys: at the bar under the cursor, else in the middle.
  markHere() {
    const cursor = this.get("cursor"), at = cursor >= 0 ? this.books.start[cursor] : (this.low + this.high) / 2, before = this.get("measured");
    this.mark(true, true);
    this.set({ measured: before.length === 1 ? [before[0], at] : [at] });
    this.sayMeasured();
  }

  close() {
    this.watcher.disconnect();
    window.removeEventListener("wheel", this.elsewhere, { capture: true });
    cancelAnimationFrame(this.asked);
    cancelAnimationFrame(this.gliding);
    clearTimeout(this.saving);
    for (const [names, does] of this.off) names.split(" ").forEach(name => this.model.off(`change:${name}`, does));
  }
}

function render({ model, el }) {
  const root = make("div");
  el.append(root);
  const viewer = new Viewer(model, root);
  root.viewer = viewer;  // for tests and measurements: viewer.painter.box(bar, rows, window)
  return () => viewer.close();
}

export default { render };
