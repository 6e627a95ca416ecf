// A row a class or label: its scores, a threshold to drag, its numbers; and above them what all decide together.
//
// Two components share a column by its name: `show` brings what stays while thresholds move (scores, true classes,
// names, tiles), `follow` the little that each commit changes (thresholds, the server's numbers at them, the rule).
// At rest every number is the server's. While a threshold moves they are counted here, in the rows that `show` brought.

import { METRICS, ROUND, expit, logit, rate, ratio, received, whole } from "./picture/model.js";

const BINS = 32;
const LOGIT_ENDS = [3, 9]; // how far a logit axis reaches at least, and at most
const STEPS = 1000; // of a slider
const PAD = 8; // half a thumb, by which a slider ends before its box
const GAP = 0.12; // of a bin
const ROOM = 0.92; // of the height, for the tallest bar
const MANY = 20; // rows, above which they can be searched and scroll
const WAIT = 120; // milliseconds from the last move to the one message that says so
const TICKS = { probability: [0, 0.25, 0.5, 0.75, 1], logit: [0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999] };
const TYPES = { f4: Float32Array, f8: Float64Array, u1: Uint8Array, i4: Int32Array };

const columns = new Map(); // name -> state, of what is shown
const followers = new Map(); // name -> what is told of it

const KINDS = { rate, count: whole, mean: (value) => (Number.isFinite(value) ? value.toFixed(2) : "undefined") };
const clip = (value, low, high) => Math.min(Math.max(value, low), high);

export function read(bytes) {
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + size)));
  let from = 4 + size;
  for (const [name, type, length] of head.arrays) {
    const to = from + length * TYPES[type].BYTES_PER_ELEMENT;
    head[name] = new TYPES[type](bytes.slice(from, to).buffer);
    from = to;
  }
  head.weights ??= new Float64Array(head.shown).fill(1);
  return head;
}

// --- from thresholds to decisions to numbers, as core/thresholds has them

// How a rule compares: each returns whether score p of class c exceeds score q of class d, at thresholds t, without
// rounding: of sums and products that round to one number, what the rounding leaves out decides.
const EXCEEDS = {
  argmax: () => (p, q) => p > q,
  difference: (t) => (p, q, c, d) => sumExceeds(p, t[d], q, t[c]),
  ratio: (given) => {
    const t = given.map((value) => Math.max(value, Number.MIN_VALUE)); // 0 is the limit of ever smaller ones
    return (p, q, c, d) => productExceeds(p, t[d], q, t[c]);
  },
  masked: () => (p, q) => p > q,
};

// Whether a + b > c + d.
function sumExceeds(a, b, c, d) {
  const [left, right] = [a + b, c + d];
  if (left !== right) return left > right;
  const lost = (x, y, sum) => x - (sum - (sum - x)) + (y - (sum - x));
  return lost(a, b, left) > lost(c, d, right);
}

// Whether a b > c d, for numbers >= 0.
function productExceeds(a, b, c, d) {
  const [left, right] = [a * b, c * d];
  if (left !== right) return left > right;
  const [m, n, o, q] = [a, b, c, d].map(asInteger);
  const power = m.power + n.power - o.power - q.power;
  const shifted = (by) => BigInt(Math.max(by, 0));
  return (m.integer * n.integer) << shifted(power) > (o.integer * q.integer) << shifted(-power);
}

// A number >= 0 as a whole number times a power of two.
function asInteger(x) {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  const bits = view.getBigUint64(0);
  const [power, low] = [Number(bits >> 52n), bits & ((1n << 52n) - 1n)];
  return power ? { integer: low | (1n << 52n), power } : { integer: low, power: 1 };
}

// The class of every row, -1 for none; ties go to the lowest index.
function decide(data, rule, thresholds) {
  const { scores, shown, names } = data;
  const cuts = thresholds.map(ROUND[data.dtype]);
  const limits = rule === "ratio" || rule === "difference"; // in which a class above every score gets no row
  const none = limits && cuts.every((t) => t === Infinity); // unless all are
  const exceeds = EXCEEDS[none ? "argmax" : rule](cuts);
  const decided = new Int32Array(shown);
  for (let i = 0; i < shown; i++) {
    let [best, most] = [-1, NaN];
    for (let c = 0; c < names.length; c++) {
      const p = scores[c * shown + i];
      if ((rule === "masked" && p < cuts[c]) || (limits && !none && cuts[c] === Infinity)) continue;
      if (best < 0 || exceeds(p, most, c, best)) [best, most] = [c, p];
    }
    decided[i] = best < 0 ? data.fallback : best;
  }
  return decided;
}

// Whether each row is predicted each class or label, (C, n), and whether it is one.
function decisions(data, thresholds) {
  const { scores, shown, names, truth, weights } = data;
  if (data.task === "multilabel") {
    const called = new Uint8Array(scores.length);
    names.forEach((_, c) => {
      const cut = ROUND[data.dtype](thresholds[c]);
      for (let at = c * shown; at < (c + 1) * shown; at++) called[at] = scores[at] >= cut;
    });
    return { called };
  }
  const decided = decide(data, data.rule, thresholds);
  const called = new Uint8Array(scores.length);
  for (let i = 0; i < shown; i++) if (decided[i] >= 0) called[decided[i] * shown + i] = 1;
  data.plain ??= decide(data, "argmax", thresholds);
  const changes = { changed: 0, righted: 0, wronged: 0, without: 0 };
  for (let i = 0; i < shown; i++) {
    if (decided[i] < 0) changes.without += weights[i];
    if (decided[i] === data.plain[i]) continue;
    changes.changed += weights[i];
    if (decided[i] === truth[i]) changes.righted += weights[i];
    if (data.plain[i] === truth[i]) changes.wronged += weights[i];
  }
  return { called, changes, decided };
}

const isOf = (data, c, i) => (data.task === "multilabel" ? data.truth[c * data.shown + i] : data.truth[i] === c);

// The mean of the values that are defined.
function mean(values, weights = new Array(values.length).fill(1)) {
  let [sum, all] = [0, 0];
  values.forEach((value, i) => {
    if (Number.isFinite(value)) [sum, all] = [sum + weights[i] * value, all + weights[i]];
  });
  return ratio(sum, all);
}

export function count(data, thresholds) {
  const { shown, names, weights } = data;
  const { called, changes, decided } = decisions(data, thresholds);
  const rowsWhere = (holds) => weights.reduce((sum, weight, i) => (holds(i) ? sum + weight : sum), 0);
  const all = rowsWhere(() => true);
  const [has, gets, right] = [0, 0, 0].map(() => new Uint16Array(shown));
  const columns = names.map((_, c) => {
    let [tp, fp, fn] = [0, 0, 0];
    for (let i = 0; i < shown; i++) {
      const [is, got] = [isOf(data, c, i), called[c * shown + i]];
      has[i] += is;
      gets[i] += got;
      if (is && got) (tp += weights[i], right[i]++);
      else if (got) fp += weights[i];
      else if (is) fn += weights[i];
    }
    const counts = { tp, fp, fn };
    return { ...counts, precision: METRICS.precision(counts), recall: METRICS.recall(counts), f1: METRICS.f1(counts) };
  });
  const sum = (key) => columns.reduce((total, column) => total + column[key], 0);
  const [tp, fp, fn] = ["tp", "fp", "fn"].map(sum);
  const macro = (key) => mean(columns.map((column) => column[key]));
  if (changes) {
    const totals = { accuracy: ratio(tp, all), precision: macro("precision"), recall: macro("recall"), f1: macro("f1") };
    return { called, columns, decided, totals: { ...totals, ...changes } };
  }
  const rows = Array.from(has, (_, i) => ratio(2 * right[i], has[i] + gets[i]));
  const weighted = columns.reduce((total, one) => total + (Number.isFinite(one.f1) ? one.f1 * (one.tp + one.fn) : 0), 0);
  const totals = {
    micro_f1: METRICS.f1({ tp, fp, fn }),
    macro_f1: macro("f1"),
    weighted_f1: ratio(weighted, tp + fn),
    samples_f1: mean(rows, weights),
    hamming: ratio(fp + fn, all * names.length),
    subset: ratio(rowsWhere((i) => has[i] === right[i] && gets[i] === right[i]), all),
    cardinality_true: ratio(tp + fn, all),
    cardinality: ratio(tp + fp, all),
    without: rowsWhere((i) => !gets[i]),
    several: rowsWhere((i) => gets[i] > 1),
  };
  return { called, columns, totals };
}

// --- where scores lie on a slider

function share({ scale, end, range: [low, high] }, score) {
  if (scale === "score") return clip((score - low) / (high - low), 0, 1);
  const p = Math.min(score, 1); // above every score is at the end
  return scale === "logit" ? (clip(logit(p), -end, end) / end + 1) / 2 : p;
}

// A logit axis reaches as far as the scores do.
function reach(data) {
  if (data.scale !== "logit") return;
  let most = 0;
  for (const score of data.scores) most = Math.max(most, Math.abs(logit(score)) || 0);
  for (const t of [...data.thresholds, ...(data.saved ?? [])]) if (t > 0 && t < 1) most = Math.max(most, Math.abs(logit(t)));
  data.end = clip(Math.ceil(most), ...LOGIT_ENDS);
}

// The threshold at a step of the slider; of probabilities the first and last step are 0 and 1 on either scale.
function atStep(data, step) {
  const [low, high] = data.range;
  if (data.scale === "score") return Number((low + (step / STEPS) * (high - low)).toPrecision(4));
  if (step <= 0 || step >= STEPS || data.scale !== "logit") return clip(step / STEPS, 0, 1);
  const value = ((2 * step) / STEPS - 1) * data.end;
  return Number(expit(value).toPrecision(4));
}

// --- drawing

// Four paths of a row: rows of the class up and all others down, predicted positives next to the axis.
function bars(state, c, called) {
  const { data, width, height } = state;
  const { shown, weights } = data;
  const counts = new Float64Array(4 * BINS); // true class, then decision, then bin
  for (let i = 0; i < shown; i++) {
    counts[(2 * isOf(data, c, i) + called[c * shown + i]) * BINS + data.bins[c * shown + i]] += weights[i];
  }
  const side = (is) => counts.subarray(2 * is * BINS, 2 * (is + 1) * BINS);
  const total = (values) => values.reduce((sum, value) => sum + value, 0);
  const roots = [0, 1].map((is) => {
    const [rows, all] = [side(is), total(side(is)) || 1];
    return Array.from({ length: BINS }, (_, bin) => Math.sqrt((rows[bin] + rows[BINS + bin]) / all));
  });
  const unit = (ROOM * height) / 2 / (Math.max(...roots[0], ...roots[1]) || 1);
  const step = (width - 2 * PAD) / BINS;
  const found = [["", ""], ["", ""]];
  for (const is of [0, 1]) {
    for (let bin = 0; bin < BINS; bin++) {
      const rows = side(is)[bin] + side(is)[BINS + bin];
      if (!rows) continue;
      const tall = roots[is][bin] * unit;
      const split = (tall * side(is)[BINS + bin]) / rows;
      const x = (PAD + step * (bin + GAP / 2)).toFixed(1);
      const bar = (from, to) => {
        if (to - from < 0.05) return "";
        const sign = is ? -1 : 1;
        const [y, h] = [height / 2 + sign * from, sign * (to - from)];
        return `M${x} ${y.toFixed(2)}v${h.toFixed(2)}h${(step * (1 - GAP)).toFixed(2)}v${(-h).toFixed(2)}z`;
      };
      found[is][1] += bar(0, split);
      found[is][0] += bar(split, tall);
    }
  }
  const [[tn, fp], [fn, tp]] = found;
  return { tn, fp, fn, tp };
}

function drawRow(state, c, called) {
  const row = state.rows[c];
  if (!state.width) return;
  for (const [kind, path] of Object.entries(bars(state, c, called))) row.find(`.${kind}`).setAttribute("d", path);
  const x = (t) => (PAD + share(state.data, t) * (state.width - 2 * PAD)).toFixed(1);
  const { saved } = state.data;
  const moved = saved && saved[c] !== state.thresholds[c];
  row.find(".middle").setAttribute("d", `M${PAD} ${state.height / 2}H${state.width - PAD}`);
  row.find(".ghost").setAttribute("d", moved ? `M${x(saved[c])} 0V${state.height}` : "");
}

function writeRow(state, c, numbers) {
  const { data, thresholds, rows } = state;
  const { find, item } = rows[c];
  const t = thresholds[c];
  const slider = find(".slider");
  slider.value = Math.round(share(data, t) * STEPS);
  const named = t === Infinity ? "above every score" : t.toFixed(3);
  const said = `${named}, precision ${rate(numbers.precision)}, recall ${rate(numbers.recall)}, F1 ${rate(numbers.f1)}`;
  slider.setAttribute("aria-valuetext", said);
  const typed = find(".threshold");
  if (typed !== typed.getRootNode().activeElement || !typed.matches(":focus")) {
    typed.value = t === Infinity ? "" : t.toFixed(Number(t.toFixed(3)) === t ? 3 : 4);
    typed.placeholder = t === Infinity ? "above all" : "";
  }
  find(".logit").textContent = data.scale === "score" ? "–" : t > 0 && t < 1 ? logit(t).toFixed(2) : t === Infinity ? "–" : t ? "∞" : "−∞";
  for (const name of ["precision", "recall", "f1"]) {
    find(`.${name}`).textContent = rate(numbers[name]);
    find(`.${name}`).classList.toggle("undefined", !Number.isFinite(numbers[name]));
  }
  item.dataset.f1 = Number.isFinite(numbers.f1) ? numbers.f1 : 2;
  return said;
}

function writeTotals(state, totals) {
  const { data, tiles } = state;
  data.totals.forEach(({ id, kind, better, under }, at) => {
    const [value, before] = [totals[id], data.before[id] ?? NaN];
    tiles[at].value.textContent = KINDS[kind](value);
    const delta = tiles[at].under;
    delta.className = "under";
    if (under === "true") delta.textContent = `actual ${KINDS.mean(totals.cardinality_true)}`;
    else if (under === "changes") {
      delta.textContent = totals[id] ? `${whole(totals.righted)} now correct, ${whole(totals.wronged)} now wrong` : "as argmax";
    }
    else {
      const by = KINDS[kind](Math.abs(value - before));
      const changed = Number(by.replace(/,/g, "")) > 0;
      delta.textContent = changed ? `${value > before ? "▲" : "▼"} ${by}` : "";
      if (changed && better) delta.classList.add(better * (value - before) > 0 ? "better" : "worse");
    }
  });
}

// The confusion matrix beside the rows, redrawn while a threshold moves as core.plots.thresholds draws it.
function drawMatrix({ data }, decided) {
  const figure = document.querySelector(`.st-key-${data.beside} .live-figure`);
  if (!figure?.data || !window.Plotly || data.shown < data.total) return;
  const classes = data.names.length;
  const columns = classes + (data.rule === "masked" && data.fallback < 0); // the last for rows without a class
  const table = data.names.map(() => new Array(columns).fill(0));
  decided.forEach((called, i) => (table[data.truth[i]][called < 0 ? classes : called] += data.weights[i]));
  const byRow = table.map((row) => row.reduce((sum, value) => sum + value, 0));
  const byColumn = table[0].map((_, called) => table.reduce((sum, row) => sum + row[called], 0));
  const every = (cell) => table.map((row, is) => row.map((rows, called) => cell(rows, is, called)));
  const said = (rows, is, called) => {
    if (!rows) return "";
    const all = { none: 0, row: byRow[is], column: byColumn[called] }[data.normalise];
    return all ? `${((100 * rows) / all).toFixed(1)}%` : whole(rows);
  };
  const sides = [(is, called) => is === called, (is, called) => is !== called]; // the traces: right, wrong
  const update = {
    z: sides.map((own) => every((rows, is, called) => (own(is, called) ? rows / byRow[is] : NaN))),
    text: sides.map((own) => every((rows, is, called) => (own(is, called) ? said(rows, is, called) : ""))),
    customdata: sides.map(() => every((rows) => Number(rows.toFixed(3)))),
  };
  window.Plotly.restyle(figure, update, [0, 1]);
}

// Counted here while something moves, or waits for the server's answer; else what the server counted.
function draw(state) {
  state.frame = undefined;
  const { data, thresholds } = state;
  const found = count(data, thresholds);
  const moved = new Set([...state.pending.keys(), ...(state.moving === undefined ? [] : [state.moving])]);
  const moves = moved.size > 0;
  const few = data.names.length <= 2 * MANY;
  data.names.forEach((name, c) => {
    const counted = moved.has(c) || (moves && data.task === "multiclass"); // labels do not touch each other
    if (moves && !counted) return;
    const said = writeRow(state, c, counted ? found.columns[c] : data.columns[c]);
    if (few || !moves || moved.has(c)) drawRow(state, c, found.called);
    if (!moves && c === state.last) state.spoken.textContent = `${name} at ${said}.`;
  });
  writeTotals(state, moves ? found.totals : data.now);
  if (moves && data.beside) drawMatrix(state, found.decided);
  state.find(".column").classList.toggle("moving", moves);
  if (!moves) arrange(state);
}

function request(state) {
  if (state.data) state.frame ??= requestAnimationFrame(() => draw(state));
}

// --- laying out

function tile({ label, help }) {
  const box = document.createElement("div");
  const [name, value, under] = ["dt", "dd", "dd"].map((kind) => box.appendChild(document.createElement(kind)));
  name.textContent = label;
  box.title = help;
  return { box, value, under };
}

function lay(state) {
  const { data, find } = state;
  const noun = data.task === "multilabel" ? "label" : "class";
  const plural = noun === "label" ? "labels" : "classes";
  state.tiles = data.totals.map(tile);
  find(".totals").replaceChildren(...state.tiles.map(({ box }) => box));
  const template = find("template.row").content.firstElementChild;
  state.rows = data.names.map((name, c) => {
    const item = template.cloneNode(true);
    const row = { item, find: (selector) => item.querySelector(selector) };
    const [button, slider, typed] = ["button", ".slider", ".threshold"].map(row.find);
    button.textContent = name;
    button.title = `${name}: show it in the explorer above`;
    row.find("small").textContent = `${whole(data.positives[c])} ${data.positives[c] === 1 ? "row" : "rows"}`;
    slider.max = STEPS;
    slider.setAttribute("aria-label", `Threshold of ${name}`);
    typed.setAttribute("aria-label", `Threshold of ${name} as a number`);
    item.dataset.rows = data.positives[c];
    button.addEventListener("click", () => state.send("chosen", c));
    slider.addEventListener("input", () => move(state, c, atStep(state.data, slider.valueAsNumber), "dragged"));
    typed.addEventListener("change", () => {
      if (typed.value !== "") move(state, c, typed.valueAsNumber, "typed");
    });
    if (data.scale === "score") for (const bound of ["min", "max"]) typed.removeAttribute(bound);
    return row;
  });
  find(".rows").replaceChildren(...state.rows.map(({ item }) => item));
  find(".noun").textContent = noun;
  find(".tools").hidden = data.names.length <= MANY;
  find(".find").placeholder = `Find a ${noun}`;
  find(".find").setAttribute("aria-label", `Find a ${noun}`);
  find(".column").classList.toggle("many", data.names.length > MANY);
  find(".rows").setAttribute("aria-label", `All ${plural}`);
  find(".column").style.setProperty("--longest", `${Math.max(...data.names.map((name) => name.length)) + 1}ch`);
}

// The ends and the middle always, the others where there is room for them.
function ticks(state) {
  const { data, find } = state;
  const all = (TICKS[data.scale] ?? data.ticks).filter((p) => data.scale !== "logit" || Math.abs(logit(p)) <= data.end);
  const every = state.width < 130 ? 3 : state.width < 52 * all.length ? 2 : 1;
  const middle = Math.floor((all.length - 1) / 2);
  const words = all.filter((_, at) => (at - middle) % every === 0).map((p) => {
    const word = document.createElement("span");
    word.textContent = p;
    word.style.left = `calc(${PAD}px + ${share(data, p)} * (100% - ${2 * PAD}px))`;
    return word;
  });
  find(".axis").replaceChildren(...words);
}

function binned(data) {
  data.bins = new Uint8Array(data.scores.length);
  for (let at = 0; at < data.scores.length; at++) {
    data.bins[at] = clip(Math.floor(share(data, data.scores[at]) * BINS), 0, BINS - 1);
  }
}

// Which rows are shown, and in what order; not while one of them moves.
function arrange(state) {
  const wanted = state.find(".find").value.trim().toLowerCase();
  const order = state.find(".order").value;
  state.data.names.forEach((name, c) => (state.rows[c].item.hidden = !name.toLowerCase().includes(wanted)));
  const key = { given: () => 0, worst: ({ item }) => Number(item.dataset.f1), rarest: ({ item }) => Number(item.dataset.rows) };
  const items = [...state.rows].sort((a, b) => key[order](a) - key[order](b)).map(({ item }) => item);
  const list = state.find(".rows");
  if (items.some((item, at) => list.children[at] !== item)) list.replaceChildren(...items);
}

function measure(state) {
  const plot = state.rows?.find(({ item }) => item.offsetParent)?.find(".plot");
  if (!plot) return request(state);
  [state.width, state.height] = [plot.clientWidth, plot.clientHeight];
  ticks(state);
  request(state);
}

// --- moving

function move(state, c, threshold, how) {
  state.thresholds[c] = threshold;
  state.moving = state.last = c;
  state.how = how;
  request(state);
  clearTimeout(state.timer);
  if (!state.held) state.timer = setTimeout(() => commit(state), WAIT);
}

function commit(state) {
  const c = state.moving;
  clearTimeout(state.timer);
  if (c === undefined) return;
  state.moving = undefined;
  if (state.thresholds[c] === state.data.thresholds[c]) return request(state);
  const serial = Date.now();
  state.pending.set(c, { serial, threshold: state.thresholds[c] });
  state.send("moved", { of: state.data.of, column: c, threshold: state.thresholds[c], how: state.how, serial });
}

function mount(name, root) {
  const state = { root, find: (selector) => root.querySelector(selector), pending: new Map(), held: false };
  const gone = new AbortController();
  const { signal } = gone;
  const list = state.find(".rows");
  list.addEventListener("pointerdown", ({ target }) => (state.held = target.matches(".slider")), { signal });
  const release = () => {
    if (!state.held) return;
    state.held = false;
    setTimeout(() => signal.aborted || commit(state)); // after the slider's own event
  };
  for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, release, { signal });
  for (const name of [".find", ".order"]) state.find(name).addEventListener("input", () => arrange(state), { signal });
  const observer = new ResizeObserver(() => measure(state));
  observer.observe(list);
  state.unmount = () => {
    if (state.find(".column")?.isConnected) return; // called after a superseded update as well
    gone.abort();
    observer.disconnect();
    cancelAnimationFrame(state.frame);
    if (columns.get(name) === state) columns.delete(name);
  };
  columns.set(name, state);
  return state;
}

// --- what arrives

export default function show({ data: bytes, parentElement }) {
  const bulk = read(bytes);
  const shown = columns.get(bulk.name);
  const state = shown?.root === parentElement ? shown : mount(bulk.name, parentElement);
  state.bulk = bulk;
  settle(bulk.name);
  return state.unmount;
}

export function follow({ data, parentElement, setTriggerValue }) {
  const known = (numbers) => Object.fromEntries(Object.entries(numbers).map(([id, value]) => [id, value ?? NaN]));
  const news = {
    ...data, now: known(data.now), before: known(data.before), columns: data.columns.map(known),
    thresholds: data.thresholds.map(received), saved: data.saved?.map(received),
  };
  const spoken = parentElement.querySelector(".spoken");
  followers.set(data.name, { news, spoken, send: setTriggerValue });
  settle(data.name);
  return () => {
    if (!spoken.isConnected && followers.get(data.name)?.spoken === spoken) followers.delete(data.name);
  };
}

// Take over what the server says, once both parts speak of the same scores; until then what was drawn stays.
function settle(name) {
  const [state, follower] = [columns.get(name), followers.get(name)];
  if (!state?.bulk || !follower || state.bulk.of !== follower.news.of) return;
  const [before, data] = [state.data, { ...state.bulk, ...follower.news }];
  Object.assign(state, { data, spoken: follower.spoken, send: follower.send });
  for (const [c, { serial }] of state.pending) if (serial <= data.answered) state.pending.delete(c);
  const held = state.moving !== undefined && before?.of === data.of ? state.moving : undefined;
  const kept = held === undefined ? undefined : state.thresholds[held];
  if (before?.of !== data.of) (state.pending.clear(), (state.moving = undefined));
  state.thresholds = [...data.thresholds];
  for (const [c, { threshold }] of state.pending) state.thresholds[c] = threshold;
  if (held !== undefined) state.thresholds[held] = kept;
  reach(data);
  binned(data);
  if (JSON.stringify([before?.names, before?.positives, before?.scale === "score"]) !== JSON.stringify([data.names, data.positives, data.scale === "score"])) lay(state);
  measure(state);
  state.rows.forEach(({ find }, c) => find("button").setAttribute("aria-pressed", c === data.chosen));
  state.find(".held").textContent = data.shown < data.total ? data.sampled : "";
}
