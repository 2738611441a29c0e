// The flow animation: a lab's wiring, and everything that happened in it as dots that move.
//
// All facts come in one block of bytes (see packing.py): sorted arrays of stays, cells, windows, counts and
// decisions. Where a dot is at a moment of the film is a function of these arrays and of that moment only,
// so seeking is exact: nothing is carried from one frame to the next.
//
// "Film time" is what the viewer spends, in seconds; virtual time is the lab's, in microseconds.

const TRAVEL = 0.6;    // seconds of the film that a dot is on its way
const FADE = 0.4;      // and that an end is still seen after it
const CROWD = 12;      // more dots than this on one way become a stream with a number
const LEAST_SCALE = 0.62;  // smaller, the names could not be read: the picture is moved sideways instead
const BLOCK = 256;     // stays for which those that are still open at their beginning are noted
const FOREVER = 1e17;
const SPEEDS = [0.25, 0.5, 1, 2, 4, 8];
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";
const TYPES = { f8: Float64Array, f4: Float32Array, i4: Int32Array, i2: Int16Array, u2: Uint16Array, u1: Uint8Array };

// ---- the script -----------------------------------------------------------------------------------

function unpack(view) {
  // a copy begins at a multiple of eight, as typed arrays need it
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const a = {};
  for (const [name, [type, at, count]] of Object.entries(head.arrays)) {
    a[name] = new TYPES[type](bytes.buffer, 8 + length + at, count);
  }
  return prepare({ ...head, a });
}

function prepare(s) {
  const film = (times) => Float64Array.from(times, (t) => (t >= FOREVER ? Infinity : toFilm(s, t)));
  s.state = Object.fromEntries(s.states.map((name, k) => [name, k]));
  s.length = s.a.filmAt[s.a.filmAt.length - 1];
  // what was there before the film begins has arrived already
  s.u0 = film(s.a.sStart).map((u, k) => (s.a.sStart[k] < s.start ? -10 : u));
  s.u1 = film(s.a.sEnd);
  s.decidedAt = film(s.a.eAt);
  s.countedAt = film(s.a.nAt);
  s.stays = index(s.u0, s.u0.map((u, k) => (s.a.sState[k] >= s.state.done ? u + TRAVEL + FADE : s.u1[k])));
  s.cells = index(film(s.a.cStart), film(s.a.cEnd));
  s.windows = index(film(s.a.wOpened), film(s.a.wFlushed));
  s.paths = new Map();
  s.byName = new Map();
  for (let d = 0; d < s.a.dKind.length; d++) s.byName.set(dotName(s, d), d);
  s.ofDot = Array.from(s.a.dKind, () => []);
  s.a.sDot.forEach((d, k) => s.ofDot[d].push(k));
  return s;
}

// The first place whose value is greater than x.
function after(values, x, low = 0, high = values.length) {
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= x) low = middle + 1; else high = middle;
  }
  return low;
}

function interpolate(xs, ys, x) {
  if (x <= xs[0]) return ys[0];
  const k = Math.min(after(xs, x), xs.length - 1);
  return ys[k - 1] + (ys[k] - ys[k - 1]) * Math.min((x - xs[k - 1]) / (xs[k] - xs[k - 1]), 1);
}

const toFilm = (s, t) => interpolate(s.a.filmTime, s.a.filmAt, t);
const toVirtual = (s, u) => interpolate(s.a.filmAt, s.a.filmTime, u);

// Intervals by their beginning, and for each block of them those before it that are still open there.
function index(start, end) {
  const open = [];
  let now = [];
  for (let k = 0; k < start.length; k++) {
    if (k % BLOCK === 0) {
      now = now.filter((other) => end[other] > start[k]);
      open.push(now.slice());
    }
    now.push(k);
  }
  return { start, end, open };
}

// The places of the intervals that hold at u, in order.
function holding({ start, end, open }, u) {
  const last = after(start, u);
  if (!last) return [];
  const block = Math.floor((last - 1) / BLOCK);
  const found = open[block].filter((k) => end[k] > u);
  for (let k = block * BLOCK; k < last; k++) if (end[k] > u) found.push(k);
  return found;
}

const dotName = (s, d) => s.letters[s.a.dKind[d]] + s.a.dNumber[d];

function counts(s, node, u) {
  const range = s.series[node];
  if (!range) return null;
  const k = after(s.countedAt, u, range[0], range[1]) - 1;
  return k < range[0] ? [0, 0, 0] : [s.a.n0[k], s.a.n1[k], s.a.n2[k]];
}

// ---- sentences --------------------------------------------------------------------------------------

function sentence(s, i) {
  let place = s.a.eFrom[i];
  return s.patterns[s.a.ePattern[i]].replace(/\{([rmbetns])\}/g, (_, kind) => {
    const value = s.a.eValue[place++];
    if (kind === "s") return s.texts[value];
    return kind === "n" ? value.toLocaleString("en-US") : kind + value;
  });
}

// A moment's decisions are one group: which of how many this one is.
function among(s, i) {
  const first = after(s.a.eAt, s.a.eAt[i] - 0.5);
  return [i - first + 1, after(s.a.eAt, s.a.eAt[i]) - first];
}

function wait(us) {
  const seconds = Math.max(us, 0) / 1e6;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

// Days if there are two or more, hours, minutes, seconds, and so many digits of a second.
function clock(us, digits = 1) {
  const parts = Math.floor(us / 10 ** (6 - digits) + 1e-6), seconds = Math.floor(parts / 10 ** digits);
  const pad = (n, long = 2) => String(n).padStart(long, "0"), hours = Math.floor(seconds / 3600), days = hours < 48 ? 0 : Math.floor(hours / 24);
  return `${days ? `${days} d ` : ""}${hours - 24 * days}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}.${pad(parts % 10 ** digits, digits)}`;
}

const since = (us) => `${(us / 1e6).toLocaleString("en-US", { maximumFractionDigits: 3 })} s`;

// ---- where a dot is ---------------------------------------------------------------------------------

function slotOf(s, box, place) {
  const { head, slot, slots } = s.sizes;
  return [box.x + 16 + slot * (place % slots[0]), box.y + head + slot / 2 + slot * Math.floor(place / slots[0])];
}

function cellOf(s, box, place) {
  const { head, cell, cells } = s.sizes;
  return [box.x + 10 + cell / 2 + cell * (place % cells[0]),
    box.y + head + cell / 2 + 2 + cell * Math.floor(place / cells[0])];
}

function laneOf(s, box, place) {
  return [box.x + 34, box.w - 44, box.y + s.sizes.head + s.sizes.lane / 2 + s.sizes.lane * place];
}

const centre = (s, box) => [box.x + box.w / 2, box.y + s.sizes.head - 8];

// Where a stay rests; null where its box shows it as a number only. The same as layout.spot.
function spot(s, k) {
  const box = s.nodes[s.a.sNode[k]], place = s.a.sPlace[k], state = s.a.sState[k];
  if (!box) return null;
  const { slots, cells, lanes } = s.sizes;
  if (state === s.state.inside) return null;
  if (state >= s.state.done || box.role === "caller" || box.role === "front") return centre(s, box);
  if (box.role === "function") {
    if (state !== s.state.running) return centre(s, box);
    return place >= 0 && place < cells[0] * cells[1] ? cellOf(s, box, place) : null;
  }
  if (box.role === "mapping") {
    if (place < 0 || place >= lanes) return null;
    const [x, wide, y] = laneOf(s, box, place);
    if (state !== s.state.held) return [x + 9, y];
    return [x + wide * Math.min((s.a.sSub[k] + 0.5) / Math.max(box.size, 1), 1), y];
  }
  const most = box.role === "push" ? slots[0] : slots[0] * slots[1];
  return place >= 0 && place < most ? slotOf(s, box, place) : null;
}

const NO_ROUTE = 65535;
const rest = (s, k) => spot(s, k) || (s.nodes[s.a.sNode[k]] ? centre(s, s.nodes[s.a.sNode[k]]) : [0, 0]);
const moves = (s, k) => s.a.sRoute[k] !== NO_ROUTE || s.a.sBefore[k] >= 0;
const ease = (p) => (p < 0.5 ? 2 * p * p : 1 - 2 * (1 - p) * (1 - p));

// The way of a stay's dot to its rest, as points with the length up to each. Where it had not yet arrived
// where it was before, it goes on from there.
function pathOf(s, k) {
  const known = s.paths.get(k);
  if (known) return known;
  const points = [], before = s.a.sBefore[k], route = s.a.sRoute[k];
  if (before >= 0) {
    const p = (s.u0[k] - s.u0[before]) / TRAVEL;
    if (p < 1 && moves(s, before)) points.push(...remainder(pathOf(s, before), ease(Math.max(p, 0))));
    else points.push(rest(s, before));
  }
  if (route !== NO_ROUTE) {
    for (let r = s.a.rFrom[route]; r < s.a.rFrom[route + 1]; r++) points.push([s.a.rX[r], s.a.rY[r]]);
  } else if (s.a.sState[k] >= s.state.done && before >= 0) {
    const [x, y] = points[points.length - 1];
    points.push([x, y - 14]);
  }
  if (route !== NO_ROUTE || s.a.sState[k] < s.state.done) points.push(rest(s, k));
  const lengths = [0];
  for (let i = 1; i < points.length; i++) {
    lengths.push(lengths[i - 1] + Math.hypot(points[i][0] - points[i - 1][0], points[i][1] - points[i - 1][1]));
  }
  const path = { points, lengths };
  s.paths.set(k, path);
  return path;
}

function pointAt({ points, lengths }, share) {
  const want = share * lengths[lengths.length - 1];
  const k = Math.min(after(lengths, want), points.length - 1);
  if (k < 1) return points[0];
  const part = (want - lengths[k - 1]) / (lengths[k] - lengths[k - 1] || 1);
  return [points[k - 1][0] + (points[k][0] - points[k - 1][0]) * part,
    points[k - 1][1] + (points[k][1] - points[k - 1][1]) * part];
}

function remainder(path, share) {
  const want = share * path.lengths[path.lengths.length - 1];
  return [pointAt(path, share), ...path.points.slice(after(path.lengths, want))];
}

// What is seen of the stay k at u: {k, x, y, way, alpha}, or null. `way` is its route while it moves.
function seen(s, k, u, still) {
  const a = s.a, ends = a.sState[k] >= s.state.done;
  if (a.sState[k] === s.state.inside) return null;
  const p = (u - s.u0[k]) / TRAVEL;
  if (ends) {
    const carried = a.sBefore[k] >= 0 && a.sState[a.sBefore[k]] === s.state.inside;
    if (still || (carried && a.sRoute[k] === NO_ROUTE)) return null;
  }
  if (!still && p < 1 && moves(s, k)) {
    const [x, y] = pointAt(pathOf(s, k), ease(p));
    const fades = ends && a.sRoute[k] === NO_ROUTE;
    return { k, x, y, way: a.sRoute[k], alpha: fades ? 1 - p : 1 };
  }
  if (ends) {
    if (a.sRoute[k] === NO_ROUTE) return null;
    const [x, y] = pointAt(pathOf(s, k), 1);
    return { k, x, y, way: NO_ROUTE, alpha: Math.max(1 - (u - s.u0[k] - TRAVEL) / FADE, 0) };
  }
  const at = spot(s, k);
  return at && { k, x: at[0], y: at[1], way: NO_ROUTE, alpha: 1 };
}

// Everything at u: dots, streams (ways on which too many move at once), and the stays that hold.
function scene(s, u, still) {
  const held = holding(s.stays, u), dots = [], onWay = new Map();
  for (const k of held) {
    const dot = seen(s, k, u, still);
    if (!dot) continue;
    dots.push(dot);
    if (dot.way !== NO_ROUTE) onWay.set(dot.way, (onWay.get(dot.way) || 0) + 1);
  }
  const streams = new Map([...onWay].filter(([, count]) => count > CROWD));
  return { held: held.filter((k) => s.a.sState[k] < s.state.done), dots: dots.filter((dot) => !streams.has(dot.way)), streams };
}

// ---- drawing ----------------------------------------------------------------------------------------

function look(s, k) {
  const c = s.colours, a = s.a, state = s.states[a.sState[k]], box = s.nodes[a.sNode[k]];
  if (box && box.role === "letters" && a.sState[k] < s.state.held) return c.purple;
  return { waiting: c.sky, kept: c.sky, delayed: "#ffffff", hidden: "#ffffff", retry: c.orange,
    throttled: c.orange, held: c.sky, running: c.blue, front: c.sky, done: c.green,
    failed: c.vermillion, lost: c.black }[state];
}

// The outline of a dot by its kind: the second channel beside the colour.
function shape(g, kind, x, y, r) {
  g.beginPath();
  if (kind === "message") g.rect(x - r * 0.85, y - r * 0.85, r * 1.7, r * 1.7);
  else if (kind === "batch") g.roundRect(x - r * 1.3, y - r * 1.1, r * 2.6, r * 2.2, 4);
  else if (kind === "record") polygon(g, [[x, y - r * 1.15], [x + r * 1.15, y], [x, y + r * 1.15], [x - r * 1.15, y]]);
  else if (kind === "event") polygon(g, [[x, y - r * 1.1], [x + r, y + r * 0.8], [x - r, y + r * 0.8]]);
  else g.arc(x, y, r, 0, 2 * Math.PI);
}

function polygon(g, points) {
  points.forEach(([x, y], i) => (i ? g.lineTo(x, y) : g.moveTo(x, y)));
  g.closePath();
}

function cross(g, x, y, r, colour, width = 2) {
  g.strokeStyle = colour;
  g.lineWidth = width;
  g.beginPath();
  g.moveTo(x - r, y - r); g.lineTo(x + r, y + r);
  g.moveTo(x + r, y - r); g.lineTo(x - r, y + r);
  g.stroke();
}

function hatch(g, x, y, w, h, colour) {
  g.save();
  g.beginPath(); g.rect(x, y, w, h); g.clip();
  g.strokeStyle = colour;
  g.lineWidth = 1;
  g.beginPath();
  for (let d = -h; d < w; d += 6) { g.moveTo(x + d, y + h); g.lineTo(x + d + h, y); }
  g.stroke();
  g.restore();
}

function text(g, words, x, y, { size = 12, weight = "", colour = "#1A1A1A", align = "left", most = 0 } = {}) {
  g.font = `${weight} ${size}px ${FONT}`;
  // smaller letters before fewer: a number that is cut would be another number
  if (most) g.font = `${weight} ${Math.min(size, Math.max(size > 11 ? 10 : 8, size * most / g.measureText(words).width))}px ${FONT}`;
  g.textAlign = align;
  g.fillStyle = colour;
  g.fillText(most ? fitting(g, words, most) : words, x, y);
}

// Of a text that is too wide the beginning and the end.
function fitting(g, words, most) {
  if (g.measureText(words).width <= most) return words;
  let keep = words.length - 1;
  const cut = () => `${words.slice(0, Math.ceil(keep * 0.6))}…${words.slice(words.length - Math.floor(keep * 0.4))}`;
  while (keep > 2 && g.measureText(cut()).width > most) keep--;
  return cut();
}

function drawEdge(g, s, edge) {
  const p = edge.path, n = p.length, colour = edge.letters ? s.colours.vermillion : "#767676";
  g.strokeStyle = colour;
  g.lineWidth = 1.5;
  g.setLineDash(edge.letters ? [6, 4] : []);
  g.beginPath();
  for (let i = 0; i < n; i += 2) i ? g.lineTo(p[i], p[i + 1]) : g.moveTo(p[0], p[1]);
  g.stroke();
  g.setLineDash([]);
  const angle = Math.atan2(p[n - 1] - p[n - 3], p[n - 2] - p[n - 4]);
  const tip = (turn) => [p[n - 2] - 9 * Math.cos(angle + turn), p[n - 1] - 9 * Math.sin(angle + turn)];
  g.fillStyle = colour;
  g.beginPath();
  polygon(g, [[p[n - 2], p[n - 1]], tip(0.4), tip(-0.4)]);
  g.fill();
}

function drawEdgeName(g, edge) {
  if (edge.label) text(g, edge.label, edge.x, edge.y, { size: 11, colour: "#444444", align: "center" });
}

// Boxes, arrows and names: they never change, so they are drawn once for each size of the canvas.
function drawStage(g, s) {
  s.edges.forEach((edge) => drawEdge(g, s, edge));
  for (const box of s.nodes) {
    g.fillStyle = box.role === "letters" ? "#FBF4F8" : "#F6F7F9";
    g.strokeStyle = "#555555";
    g.lineWidth = 1.2;
    g.beginPath();
    g.roundRect(box.x, box.y, box.w, box.h, 8);
    g.fill();
    g.stroke();
    text(g, box.label, box.x + 10, box.y + 19, { size: 12, weight: "bold", most: box.w - 18 });
    if (box.role === "mapping") drawLanes(g, s, box);
  }
  s.edges.forEach((edge) => drawEdgeName(g, edge));
}

function drawLanes(g, s, box) {
  box.lanes.slice(0, s.sizes.lanes).forEach((name, place) => {
    const [x, wide, y] = laneOf(s, box, place);
    text(g, name, box.x + 8, y + 4, { size: 10, colour: "#444444", most: 26 });
    g.fillStyle = "#E3E6EA";
    g.fillRect(x, y - 6, wide, 12);
  });
}

const CELL_LOOKS = { cold: ["yellow", "////"], busy: ["blue", ""], idle: ["pale", ""], failed: ["pale", "x"] };

function drawCell(g, s, x, y, state) {
  const half = s.sizes.cell / 2 - 2;
  if (state === "free") {
    g.setLineDash([3, 3]);
    g.strokeStyle = "#767676";
    g.lineWidth = 1;
    g.strokeRect(x - half, y - half, 2 * half, 2 * half);
    g.setLineDash([]);
    return;
  }
  const [colour, mark] = CELL_LOOKS[state];
  g.fillStyle = s.colours[colour];
  g.fillRect(x - half, y - half, 2 * half, 2 * half);
  if (mark === "////") hatch(g, x - half, y - half, 2 * half, 2 * half, "#1A1A1A");
  if (mark === "x") cross(g, x, y, half - 3, s.colours.vermillion, 2.5);
  g.strokeStyle = "#555555";
  g.lineWidth = 1;
  g.strokeRect(x - half, y - half, 2 * half, 2 * half);
}

function drawCells(g, s, u, chosen) {
  const most = s.sizes.cells[0] * s.sizes.cells[1];
  const live = holding(s.cells, u);
  s.nodes.forEach((box, n) => {
    if (box.role !== "function" || !box.reserved) return;
    for (let place = 0; place < Math.min(box.reserved, most); place++) drawCell(g, s, ...cellOf(s, box, place), "free");
  });
  for (const k of live) {
    const box = s.nodes[s.a.cNode[k]], place = s.a.cPlace[k];
    if (!box || place >= most) continue;
    const [x, y] = cellOf(s, box, place);
    drawCell(g, s, x, y, s.cellStates[s.a.cState[k]]);
    if (chosen === `e${s.a.cEnvironment[k]}`) ring(g, x, y, s.sizes.cell / 2 + 2);
  }
  return live;
}

function ring(g, x, y, r) {
  g.strokeStyle = "#000000";
  g.lineWidth = 2.5;
  g.beginPath();
  g.arc(x, y, r, 0, 2 * Math.PI);
  g.stroke();
}

function drawDot(g, s, dot, t) {
  const d = s.a.sDot[dot.k], kind = s.kinds[s.a.dKind[d]], state = s.states[s.a.sState[dot.k]];
  const r = kind === "batch" ? 6.5 : state === "held" ? 4.5 : 6.5;
  g.globalAlpha = dot.alpha;
  g.fillStyle = look(s, dot.k);
  g.strokeStyle = state === "running" ? "#ffffff" : "#1A1A1A";
  g.lineWidth = state === "running" ? 1.8 : 0.8;
  shape(g, kind, dot.x, dot.y, r);
  g.fill();
  g.stroke();
  if (kind === "batch") {
    text(g, s.texts[s.a.dFact[d]], dot.x, dot.y + 3.5, { size: 10, weight: "bold", align: "center", colour: state === "running" ? "#ffffff" : "#000000" });
  } else if (state === "failed" || state === "lost") {
    cross(g, dot.x, dot.y, 3, "#ffffff", 1.6);
  }
  drawCountdown(g, s, dot, r, t);
  g.globalAlpha = 1;
}

// What is left of a wait, as an arc or a line that shrinks to nothing.
function drawCountdown(g, s, dot, r, t) {
  const until = s.a.sUntil[dot.k], begun = s.a.sStart[dot.k];
  if (until <= t || s.a.sState[dot.k] === s.state.held) return;
  const left = (until - t) / (until - begun);
  g.strokeStyle = "#1A1A1A";
  g.lineWidth = 2;
  g.beginPath();
  if (s.kinds[s.a.dKind[s.a.sDot[dot.k]]] === "batch") {  // round a wide dot an arc would cross its number
    g.moveTo(dot.x - 9, dot.y + r + 2);
    g.lineTo(dot.x - 9 + 18 * left, dot.y + r + 2);
  } else {
    g.arc(dot.x, dot.y, r + 1, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * left);
  }
  g.stroke();
}

function drawStream(g, s, route, count, u) {
  const from = s.a.rFrom[route], to = s.a.rFrom[route + 1], points = [], lengths = [0];
  for (let r = from; r < to; r++) points.push([s.a.rX[r], s.a.rY[r]]);
  for (let i = 1; i < points.length; i++) lengths.push(lengths[i - 1] + Math.hypot(points[i][0] - points[i - 1][0], points[i][1] - points[i - 1][1]));
  if (points.length < 2) return;
  g.strokeStyle = s.colours.sky;
  g.lineWidth = 9;
  g.setLineDash([10, 6]);
  g.lineDashOffset = -40 * u;
  g.beginPath();
  points.forEach(([x, y], i) => (i ? g.lineTo(x, y) : g.moveTo(x, y)));
  g.stroke();
  g.setLineDash([]);
  const [x, y] = pointAt({ points, lengths }, 0.5);
  badge(g, String(count), x, y + 9);  // below the way: its name stands above
}

function badge(g, words, x, y) {
  g.font = `bold 12px ${FONT}`;
  const wide = g.measureText(words).width + 12;
  g.fillStyle = "#1A1A1A";
  g.beginPath();
  g.roundRect(x - wide / 2, y - 9, wide, 18, 9);
  g.fill();
  text(g, words, x, y + 4, { size: 12, weight: "bold", colour: "#ffffff", align: "center" });
}

// The two lines below a box's name: what it holds in numbers; what it waits for, or what it is.
function drawHeads(g, s, u, t, held) {
  const waits = s.nodes.map(() => []), lanes = s.nodes.map(() => 0);
  for (const k of held) {
    const n = s.a.sNode[k], state = s.a.sState[k];
    if (n === 255) continue;
    if (state === s.state.held) lanes[n]++;
    if (s.a.sUntil[k] > t && state !== s.state.held && state !== s.state.inside) waits[n].push([s.a.sUntil[k] - t, state === s.state.retry || state === s.state.throttled]);
  }
  s.nodes.forEach((box, n) => {
    const numbers = counts(s, n, u), names = s.heads[box.role];
    const told = numbers && names ? numbers.map((value, i) => (names[i] && (value || (i === 0 && !numbers.some(Boolean))) ? `${value.toLocaleString("en-US")} ${names[i]}` : "")).filter(Boolean).join(" · ") : box.role === "mapping" ? (s.note ? "" : `${lanes[n]} held`) : "";
    const shown = told || box.about;
    text(g, shown, box.x + 10, box.y + 35, { size: 11, colour: "#333333", most: box.w - 18 });
    const tries = waits[n].some(([, again]) => again);
    const next = waits[n].filter(([, again]) => again === tries).map(([left]) => left).sort((a, b) => a - b);
    const below = next.length ? `${tries ? "next try in" : "visible in"} ${next.slice(0, 2).map(wait).join(", ")}${next.length > 2 ? " …" : ""}` : told ? box.about : "";
    text(g, below, box.x + 10, box.y + 51, { size: 10.5, colour: next.length ? "#8F3400" : "#555555", most: box.w - 18 });
    drawMore(g, s, box, n, held, u);
  });
}

// How many more there are than a box has places for.
function drawMore(g, s, box, n, held, u) {
  const { slots, cells, lanes } = s.sizes;
  let more = 0;
  if (box.role === "function") {
    const [busy, cold, idle] = counts(s, n, u) || [0, 0, 0];
    more = busy + cold + idle - cells[0] * cells[1];
  } else if (box.role === "mapping") {
    more = box.lanes.length - lanes;
  } else if (s.heads[box.role]) {
    const most = box.role === "push" ? slots[0] : slots[0] * slots[1];
    more = held.filter((k) => s.a.sNode[k] === n && s.a.sPlace[k] >= most).length;
  }
  if (more > 0) text(g, `+ ${more.toLocaleString("en-US")} more`, box.x + box.w - 8, box.y + box.h - 3, { size: 10, align: "right", colour: "#333333" });
}

// The windows of a mapping: how full each poller's batch is, and when it is due.
function drawWindows(g, s, u, t, held) {
  const filled = new Map();
  for (const k of held) {
    if (s.a.sState[k] !== s.state.held) continue;
    const key = s.a.sNode[k] * 1000 + s.a.sPlace[k];
    filled.set(key, (filled.get(key) || 0) + 1);
  }
  for (const [key, count] of filled) {
    const box = s.nodes[Math.floor(key / 1000)], place = key % 1000;
    if (!box || place >= s.sizes.lanes || box.role !== "mapping") continue;
    const [x, wide, y] = laneOf(s, box, place);
    g.fillStyle = "#B9CFE0";
    g.fillRect(x, y - 6, wide * Math.min(count / Math.max(box.size, 1), 1), 12);
  }
  const due = [];
  for (const k of holding(s.windows, u)) {
    const box = s.nodes[s.a.wNode[k]], place = s.a.wLane[k];
    if (s.a.wDue[k] <= t || !box || place >= s.sizes.lanes) continue;
    due.push([...laneOf(s, box, place), wait(s.a.wDue[k] - t)]);
  }
  return due;
}

function drawDue(g, due) {
  for (const [x, wide, y, words] of due) {
    g.font = `10px ${FONT}`;
    const room = g.measureText(words).width + 4;
    g.fillStyle = "rgba(255,255,255,0.85)";
    g.fillRect(x + wide - room, y - 6, room, 12);
    text(g, words, x + wide - 2, y + 4, { size: 10, align: "right", colour: "#1A1A1A" });
  }
}

function draw(g, s, stage, u, still, chosen) {
  const t = toVirtual(s, u);
  g.save();
  g.resetTransform();  // whole pixels: a scaled edge would keep something of the frame before
  g.drawImage(stage, 0, 0);
  g.restore();
  const now = scene(s, u, still);
  const due = drawWindows(g, s, u, t, now.held);
  const live = drawCells(g, s, u, chosen);
  for (const [route, count] of now.streams) drawStream(g, s, route, count, u);
  const order = now.dots.sort((a, b) => s.a.sState[a.k] - s.a.sState[b.k] || a.k - b.k);
  for (const dot of order) drawDot(g, s, dot, t);
  drawDue(g, due);
  drawHeads(g, s, u, t, now.held);
  markChosen(g, s, now, chosen);
  return { ...now, live };
}

// A ring around the chosen dot, or around the batch that carries it.
function markChosen(g, s, now, chosen) {
  const d = s.byName.get(chosen);
  if (d === undefined) return;
  const carried = now.held.find((k) => s.a.sDot[k] === d && s.a.sState[k] === s.state.inside);
  const wanted = carried === undefined ? d : s.byName.get(`b${s.a.sBatch[carried]}`);
  const dot = now.dots.find((one) => s.a.sDot[one.k] === wanted);
  if (dot) ring(g, dot.x, dot.y, 13);
}

// ---- facts of what was chosen ------------------------------------------------------------------------

function facts(s, name, t) {
  const d = s.byName.get(name);
  if (d === undefined) return name.startsWith("e") ? environmentFacts(s, Number(name.slice(1)), t) : null;
  const kind = s.kinds[s.a.dKind[d]];
  const about = kind === "batch" ? `${s.texts[s.a.dFact[d]]} records` : s.texts[s.a.dFact[d]];
  const lines = s.ofDot[d].map((k) => {
    const box = s.nodes[s.a.sNode[k]], cause = s.texts[s.a.sCause[k]];
    const end = s.a.sEnd[k] >= FOREVER ? "" : ` for ${wait(s.a.sEnd[k] - s.a.sStart[k])}`;
    const inside = s.a.sBatch[k] && kind !== "batch" ? ` (b${s.a.sBatch[k]})` : "";
    const why = s.causes[cause] || cause.replaceAll("_", " ");
    return { at: s.a.sStart[k], now: s.a.sStart[k] <= t && t < s.a.sEnd[k],
      words: `${s.stateWords[s.a.sState[k]]} ${box ? box.label : ""}${inside}${s.a.sState[k] < s.state.done ? end : ""}: ${why}` };
  });
  return { title: `${name} · ${kind}${about ? ` · ${about}` : ""}`, lines };
}

function environmentFacts(s, number, t) {
  const lines = [];
  s.a.cEnvironment.forEach((e, k) => {
    if (e !== number) return;
    const box = s.nodes[s.a.cNode[k]];
    const end = s.a.cEnd[k] >= FOREVER ? "" : ` for ${wait(s.a.cEnd[k] - s.a.cStart[k])}`;
    const state = s.cellStates[s.a.cState[k]];
    lines.push({ at: s.a.cStart[k], now: s.a.cStart[k] <= t && t < s.a.cEnd[k],
      words: `${state === "failed" ? "idle after a run that failed" : state} in ${box ? box.label : ""}${end}` });
  });
  return lines.length ? { title: `e${number} · execution environment`, lines } : null;
}

// ---- the page around the canvas -----------------------------------------------------------------------

const CSS = `
.ll-flow { background: #fff; color: #1a1a1a; font: 14px/1.45 ${FONT}; padding: 8px; border-radius: 4px; max-width: 1400px; }
.ll-flow canvas.ll-stage { width: 100%; box-sizing: border-box; display: block; border: 1px solid #c8c8c8; border-radius: 4px; cursor: pointer; }
.ll-flow .ll-view { overflow-x: auto; }
.ll-flow canvas.ll-stage:focus-visible { outline: 3px solid #0072B2; outline-offset: -3px; }
.ll-flow button:focus-visible, .ll-flow input:focus-visible, .ll-flow select:focus-visible { outline: 3px solid #0072B2; outline-offset: 1px; }
.ll-flow .ll-caption { min-height: 2.9em; padding: 6px 2px; font-size: 15px; }
.ll-flow .ll-bar { display: flex; flex-wrap: wrap; gap: 6px 10px; align-items: center; margin-top: 6px; }
.ll-flow button, .ll-flow select, .ll-flow input[type=text] { font: inherit; color: #1a1a1a; background: #f3f3f3; border: 1px solid #767676; border-radius: 3px; padding: 2px 9px; min-height: 28px; }
.ll-flow .ll-clock { font-variant-numeric: tabular-nums; font-weight: 600; min-width: 6.5em; }
.ll-flow .ll-fast { color: #a33c00; font-weight: 600; }
.ll-flow .ll-seek { position: relative; height: 34px; margin-top: 4px; }
.ll-flow .ll-seek canvas { position: absolute; left: 0; top: 16px; width: 100%; height: 18px; }
.ll-flow .ll-seek input { position: absolute; left: 0; top: 0; width: 100%; margin: 0; height: 18px; accent-color: #0072B2; }
.ll-flow .ll-legend { display: flex; flex-wrap: wrap; gap: 2px 16px; margin-top: 8px; font-size: 12.5px; color: #333; }
.ll-flow .ll-legend span { display: inline-flex; align-items: center; gap: 5px; }
.ll-flow .ll-facts { margin-top: 6px; border-left: 3px solid #0072B2; padding: 2px 10px; max-height: 13em; overflow: auto; }
.ll-flow .ll-facts ol { margin: 2px 0; padding-left: 22px; } .ll-flow .ll-facts li { color: #555; } .ll-flow .ll-facts li.now { color: #1a1a1a; font-weight: 600; }
.ll-flow .ll-note { color: #7a3300; font-size: 12.5px; }
.ll-flow .ll-keys { color: #555; font-size: 12px; }
`;

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) key in made ? (made[key] = value) : made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function swatch(paint) {
  const canvas = element("canvas", { width: 36, height: 36, "aria-hidden": "true" });
  canvas.style.cssText = "width:18px;height:18px";
  const g = canvas.getContext("2d");
  g.scale(2, 2);
  paint(g);
  return canvas;
}

function legend(s) {
  const dot = (colour, kind = "request", extra = () => {}) => (g) => {
    g.fillStyle = colour; g.strokeStyle = "#1A1A1A"; g.lineWidth = 1;
    shape(g, kind, 9, 9, 6); g.fill(); g.stroke(); extra(g);
  };
  const c = s.colours, has = new Set(s.a.dKind);
  const entries = [];
  const shapes = { request: "request", message: "message", record: "record", batch: "batch, with its records", event: "event of a service" };
  s.kinds.forEach((kind, k) => { if (has.has(k) && shapes[kind]) entries.push([dot("#ffffff", kind), shapes[kind]]); });
  entries.push([dot(c.sky), "waits"], [dot("#ffffff", "request", (g) => { g.lineWidth = 2.5; g.beginPath(); g.arc(9, 9, 7, -1.57, 2.5); g.stroke(); }), "hidden, with what is left of it"],
    [dot(c.orange), "waits to be tried again"], [dot(c.blue), "runs"], [dot(c.green), "succeeded"],
    [dot(c.vermillion, "request", (g) => cross(g, 9, 9, 3, "#fff", 1.6)), "failed"], [dot(c.purple), "dead letter"]);
  const small = { sizes: { cell: 18 }, colours: c };
  for (const [state, words] of [["busy", "environment: busy"], ["cold", "cold start"], ["idle", "idle"], ["failed", "idle, its last run failed"], ["free", "free: reserved, not made"]]) {
    entries.push([(g) => drawCell(g, small, 9, 9, state), words]);
  }
  return element("div", { className: "ll-legend", role: "list", "aria-label": "what the signs mean" },
    ...entries.map(([paint, words]) => element("span", { role: "listitem" }, swatch(paint), words)));
}

function drawSeekBar(canvas, s) {
  const ratio = window.devicePixelRatio || 1, wide = canvas.clientWidth || 800;
  canvas.width = wide * ratio;
  canvas.height = 18 * ratio;
  const g = canvas.getContext("2d");
  g.scale(ratio, ratio);
  const inset = 8, x = (u) => inset + (wide - 2 * inset) * u / s.length;
  g.fillStyle = "#ECECEC";
  g.fillRect(inset, 4, wide - 2 * inset, 10);
  s.a.fastFrom.forEach((from, k) => {
    const left = x(toFilm(s, from)), right = x(toFilm(s, s.a.fastTo[k]));
    g.fillStyle = "#ffffff";
    g.fillRect(left, 4, right - left, 10);
    hatch(g, left, 4, right - left, 10, "#8a8a8a");
  });
  const bad = new Set(s.failures.map((name) => s.decisions.indexOf(name)));
  for (const failures of [false, true]) {
    g.fillStyle = failures ? s.colours.vermillion : s.colours.blue;
    s.a.eKind.forEach((kind, i) => { if (bad.has(kind) === failures) g.fillRect(x(s.decidedAt[i]) - 0.5, failures ? 0 : 6, 1.5, failures ? 18 : 6); });
  }
}

// ---- the player -----------------------------------------------------------------------------------------

class Player {
  constructor(model, el) {
    this.model = model;
    this.el = el;
    this.motion = window.matchMedia("(prefers-reduced-motion: reduce)");
    this.build();
    this.load();
    this.follow();
    this.watch = new ResizeObserver(() => this.resize());
    this.watch.observe(this.canvas);
  }

  get still() { return this.motion.matches; }

  load() {
    this.s = unpack(this.model.get("script"));
    this.legend.replaceChildren(legend(this.s));
    this.note.textContent = this.s.note;
    this.canvas.setAttribute("aria-label", `${this.model.get("label") || "flow of events through the lab"}. Space plays, the arrow keys step, N chooses a dot.`);
    this.seekInput.max = String(this.s.length);
    this.u = toFilm(this.s, this.model.get("time") * 1e6);
    this.i = this.model.get("decision");
    this.resize();
  }

  build() {
    const button = (words, title, act) => element("button", { type: "button", textContent: words, title, "aria-label": title, onclick: act });
    this.canvas = element("canvas", { className: "ll-stage", tabIndex: 0, role: "application" });
    this.caption = element("div", { className: "ll-caption", role: "status", "aria-live": "polite" });
    this.playButton = button("▶ Play", "play or pause (space)", () => this.toggle());
    this.clock = element("span", { className: "ll-clock" });
    this.fast = element("span", { className: "ll-fast" });
    this.pace = element("span", { className: "ll-pace" });
    this.speed = element("select", { "aria-label": "speed", onchange: () => this.save({ speed: Number(this.speed.value) }) },
      ...SPEEDS.map((x) => element("option", { value: String(x), textContent: `${x} ×` })));
    this.find = element("input", { type: "text", size: 8, placeholder: "r2, m12, b3, e1", "aria-label": "find by id", onchange: () => this.choose(this.find.value.trim()) });
    this.marks = element("canvas", { "aria-hidden": "true" });
    this.seekInput = element("input", { type: "range", min: "0", step: "any", "aria-label": "time", oninput: () => this.seek(Number(this.seekInput.value)) });
    this.facts = element("div", { className: "ll-facts", hidden: true });
    this.legend = element("div");
    this.note = element("div", { className: "ll-note" });
    this.root = element("div", { className: "ll-flow" }, element("style", { textContent: CSS }), element("div", { className: "ll-view" }, this.canvas),
      element("div", { className: "ll-seek" }, this.marks, this.seekInput),
      element("div", { className: "ll-bar" }, button("|◀", "to the start (Home)", () => this.seek(0)), button("◀ Back", "the decision before (left arrow)", () => this.step(-1)), this.playButton,
        button("Step ▶", "the next decision (right arrow)", () => this.step(1)), button("▶|", "to the end (End)", () => this.seek(this.s.length)),
        element("label", {}, "Speed ", this.speed), element("label", {}, "Find ", this.find), this.clock, this.pace, this.fast),
      this.caption, this.facts, this.legend, this.note,
      element("div", { className: "ll-keys", textContent: "Space plays, ← → step, Home and End go to either end, + and − change the speed, N chooses the next dot, Esc none. On the bar of time: decisions blue, failures and throttles red and tall, hatched what passes fast." }));
    // the notebook's own keys stay out of here: with a letter it deletes cells
    for (const one of [this.root, ...this.root.querySelectorAll("canvas, button, input, select")]) one.dataset.lmSuppressShortcuts = "true";
    this.el.append(this.root);
    this.canvas.addEventListener("click", (event) => this.click(event));
    this.canvas.addEventListener("mousemove", (event) => { this.canvas.title = this.titleOf(this.at(event)); });
    this.root.addEventListener("keydown", (event) => this.key(event));
  }

  follow() {
    const on = (name, act) => { this.model.on(`change:${name}`, act); (this.handlers ||= []).push([name, act]); };
    on("script", () => this.load());
    on("selected", () => this.paint());
    on("speed", () => this.paint());
    on("playing", () => this.run());
    on("time", () => { if (Math.abs(this.model.get("time") - this.sent) > 1e-9) this.seek(toFilm(this.s, this.model.get("time") * 1e6), true); });
    on("decision", () => { if (this.model.get("decision") >= 0 && this.model.get("decision") !== this.i) this.go(this.model.get("decision")); });
    // those who asked for little motion start it themselves
    if (this.model.get("playing") && this.still) this.save({ playing: false }); else this.run();
  }

  save(values) {
    for (const [name, value] of Object.entries(values)) this.model.set(name, value);
    this.model.save_changes();
  }

  toggle() {
    if (!this.model.get("playing") && this.u >= this.s.length) this.u = 0;
    this.save({ playing: !this.model.get("playing") });
  }

  run() {
    cancelAnimationFrame(this.frame);
    this.last = 0;
    this.goal = null;
    if (this.model.get("playing")) this.frame = requestAnimationFrame((now) => this.tick(now));
    else this.report();
    this.paint();
  }

  // One frame: the film goes on by the time that has passed, never by more than a tenth of a second.
  tick(now) {
    const passed = this.last ? Math.min((now - this.last) / 1000, 0.1) : 0;
    this.last = now;
    const end = this.goal ?? this.s.length;
    this.u = Math.min(this.u + passed * this.model.get("speed"), end);
    if (this.goal === null) this.i = -1;
    this.paint();
    this.frames = (this.frames || 0) + 1;
    if (this.u < end) this.frame = requestAnimationFrame((next) => this.tick(next));
    else if (this.goal !== null) { this.goal = null; this.report(); } else this.save({ playing: false });
  }

  report() {
    this.sent = toVirtual(this.s, this.u) / 1e6;
    this.save({ time: this.sent, decision: this.i });
  }

  seek(u, quiet = false) {
    cancelAnimationFrame(this.frame);
    this.goal = null;
    this.u = Math.min(Math.max(u, 0), this.s.length);
    this.i = -1;
    this.paint();
    this.sent = this.model.get("time");
    if (!quiet) this.report();
    else if (this.model.get("decision") !== -1) this.save({ decision: -1 });
    if (this.model.get("playing")) this.run();
  }

  // The decision whose sentence is shown: the one stepped to, else the last up to now.
  get current() { return this.i >= 0 ? this.i : after(this.s.decidedAt, this.u) - 1; }

  step(by) {
    const next = Math.min(Math.max(this.current + by, 0), this.s.decidedAt.length - 1);
    if (next >= 0) this.go(next);
  }

  // To a decision: from its moment on until the dots it sets going have arrived, or the next one comes.
  go(i) {
    cancelAnimationFrame(this.frame);
    this.i = i;
    if (this.model.get("playing")) this.model.set("playing", false);
    const at = this.s.decidedAt[i], next = this.s.decidedAt[after(this.s.decidedAt, at)] ?? Infinity;
    const goal = Math.min(at + TRAVEL, (at + next) / 2, this.s.length);
    this.u = at;
    if (this.still) return this.land(at);
    this.goal = goal;
    this.last = 0;
    this.frame = requestAnimationFrame((now) => this.tick(now));
    this.paint();
    return undefined;
  }

  land(u) {
    this.u = u;
    this.paint();
    this.report();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation();
    if (event.target === this.find || event.target === this.speed) return;
    const faster = (by) => this.save({ speed: SPEEDS[Math.min(Math.max(SPEEDS.indexOf(this.model.get("speed")) + by, 0), SPEEDS.length - 1)] });
    const acts = { " ": () => this.toggle(), ArrowRight: () => this.step(1), ArrowLeft: () => this.step(-1), Home: () => this.seek(0),
      End: () => this.seek(this.s.length), "+": () => faster(1), "-": () => faster(-1), n: () => this.nextDot(1), N: () => this.nextDot(-1), Escape: () => this.choose("") };
    const act = event.key === " " && event.target.tagName === "BUTTON" ? null : acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  nextDot(by) {
    const names = [...new Set(this.now.dots.map((dot) => dotName(this.s, this.s.a.sDot[dot.k])))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    const place = names.indexOf(this.model.get("selected"));
    if (names.length) this.choose(names[(place + by + names.length) % names.length]);
  }

  // The id of what is under the pointer.
  at(event) {
    const box = this.canvas.getBoundingClientRect(), scale = this.s.width / box.width;
    return this.under((event.clientX - box.left) * scale, (event.clientY - box.top) * scale);
  }

  click(event) {
    this.canvas.focus({ preventScroll: true });
    this.choose(this.at(event));
  }

  titleOf(name) {
    const told = name && facts(this.s, name, toVirtual(this.s, this.u));
    const now = told && told.lines.find((line) => line.now);
    return told ? `${told.title}${now ? ` ${now.words}` : ""}` : "";
  }

  // What is at a point of the picture: the nearest dot, else an environment.
  under(x, y) {
    const s = this.s;
    let best = "", least = 12;
    for (const dot of this.now.dots) {
      const far = Math.hypot(dot.x - x, dot.y - y);
      if (far <= least) [best, least] = [dotName(s, s.a.sDot[dot.k]), far];
    }
    if (best) return best;
    for (const k of this.now.live) {
      const node = s.nodes[s.a.cNode[k]], half = s.sizes.cell / 2;
      if (!node || s.a.cPlace[k] >= s.sizes.cells[0] * s.sizes.cells[1]) continue;
      const [cx, cy] = cellOf(s, node, s.a.cPlace[k]);
      if (Math.abs(cx - x) <= half && Math.abs(cy - y) <= half) return `e${s.a.cEnvironment[k]}`;
    }
    return "";
  }

  choose(name) {
    const known = !name || facts(this.s, name, 0);
    this.find.setCustomValidity(known ? "" : "nothing of that id is shown here");
    if (!known) { this.find.reportValidity(); return; }
    this.save({ selected: name });
    this.paint();
  }

  resize() {
    this.canvas.style.minWidth = `${Math.round(this.s.width * LEAST_SCALE)}px`;
    const ratio = window.devicePixelRatio || 1, wide = this.canvas.clientWidth || 900;
    const scale = wide * ratio / this.s.width;
    this.canvas.width = Math.round(wide * ratio);
    this.canvas.height = Math.round(this.s.height * scale);
    this.canvas.style.aspectRatio = `${this.s.width} / ${this.s.height}`;
    this.scale = scale;
    this.stage = element("canvas", { width: this.canvas.width, height: this.canvas.height });
    const g = this.stage.getContext("2d");
    g.fillStyle = "#ffffff";
    g.fillRect(0, 0, this.stage.width, this.stage.height);
    g.scale(scale, scale);
    drawStage(g, this.s);
    drawSeekBar(this.marks, this.s);
    this.paint();
  }

  paint() {
    if (!this.stage) return;
    const g = this.canvas.getContext("2d"), chosen = this.model.get("selected");
    g.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    this.now = draw(g, this.s, this.stage, this.u, this.still, chosen);
    this.tell(chosen);
  }

  tell(chosen) {
    const s = this.s, t = toVirtual(s, this.u), i = this.current, playing = this.model.get("playing");
    this.put(this.playButton, playing ? "❚❚ Pause" : "▶ Play");
    this.put(this.clock, `t = ${clock(Math.min(t, s.end), s.pace < 1 ? 3 : 1)}`);
    const pace = s.pace * this.model.get("speed");
    this.put(this.pace, `${pace.toLocaleString("en-US", { maximumSignificantDigits: 3 })} × real time`);
    const fast = after(s.a.fastFrom, t) - 1;
    const empty = fast >= 0 && t < s.a.fastTo[fast] ? `▶▶ fast forward: ${wait(s.a.fastTo[fast] - s.a.fastFrom[fast])} of nothing` : "";
    this.put(this.fast, empty);
    this.speed.value = String(this.model.get("speed"));
    this.seekInput.value = String(this.u);
    this.seekInput.setAttribute("aria-valuetext", clock(t));
    this.caption.setAttribute("aria-live", playing ? "off" : "polite");
    if (i < 0) this.put(this.caption, s.a.eAt.length ? "Nothing has been decided yet." : "Nothing happened in this stretch.");
    else {
      const [place, of] = among(s, i);
      this.put(this.caption, `${since(s.a.eAt[i])}${of > 1 ? ` (${place} of ${of})` : ""}: ${sentence(s, i)}`);
    }
    this.tellFacts(chosen, t);
  }

  // Writing the same text again would be read out again.
  put(where, words) { if (where.textContent !== words) where.textContent = words; }

  tellFacts(chosen, t) {
    const told = chosen ? facts(this.s, chosen, t) : null;
    this.facts.hidden = !told;
    const key = told ? told.title + told.lines.map((line) => Number(line.now)).join("") : "";
    if (key === this.told) return;
    this.told = key;
    if (!told) { this.facts.replaceChildren(); return; }
    const items = told.lines.map((line) => element("li", { className: line.now ? "now" : "" }, `${since(line.at)}: ${line.words}`));
    this.facts.replaceChildren(element("strong", { textContent: told.title }), element("ol", {}, ...items));
  }

  close() {
    cancelAnimationFrame(this.frame);
    this.watch.disconnect();
    for (const [name, act] of this.handlers) this.model.off(`change:${name}`, act);
  }
}

function render({ model, el }) {
  const player = new Player(model, el);
  el.lambdalabFlow = player;  // for tests and for the curious
  return () => player.close();
}

export default { render };
