// One class or label against the rest: a threshold under the pointer, and all that moves with it.
//
// Two components share an explorer by its name: `show` brings what stays while the threshold moves (counts at the
// scores, histogram, axis, words), `follow` the little that each commit changes (the current and the saved threshold,
// their counts over all rows, the scores next to them). While the threshold moves nothing is sent; when it rests, one
// message says where. What comes back is then shown in place of what was counted here.

import {
  METRICS, ROUND, atOrAbove, change, countsAt, expit, nextScore, ofLogit, parsed, percent, place, rate, readCounts,
  received, scoreAt, sent, short, unpack, whole, why, written,
} from "./picture/model.js";

const ROOM = 1.25; // above the tallest bar, for the names of the classes
const BAR = 0.94; // of a bin
const FRAME = { left: 24, right: 10, top: 8, bottom: 38 };
const RATES = [0, 0.25, 0.5, 0.75, 1];
const ISO_F1 = [0.2, 0.4, 0.6, 0.8];
const LINES = ["precision", "recall", "f1"];
const PAGE = 0.05; // of the axis, a larger step
const REST = 300; // milliseconds after the last key at which a threshold rests

const explorers = new Map(); // name -> explorer

function meet(name) {
  if (!explorers.has(name)) explorers.set(name, { name, laid: false, moving: false, pending: 0 });
  return explorers.get(name);
}

// --- what arrives

export default function show({ data, parentElement }) {
  const explorer = meet(data.name);
  if (explorer.root !== parentElement) mount(explorer, parentElement);
  const { points, bins, positives, negatives, exact, axis } = data;
  explorer.bulk = data;
  explorer.laid = false;
  explorer.model = {
    points: readCounts(points), bins: { tp: unpack(bins.tp), fp: unpack(bins.fp) },
    positives, negatives, exact, axis, round: ROUND[data.dtype],
  };
  name(explorer);
  settle(explorer);
  return explorer.unmount;
}

export function follow({ data, parentElement, setTriggerValue }) {
  const explorer = meet(data.name);
  const readout = parentElement.querySelector(".readout");
  Object.assign(explorer, { news: data, readout, send: (act) => setTriggerValue("act", act) });
  settle(explorer);
}

// Take over what the server says, once both parts speak of the same scores and nothing newer is on its way.
function settle(explorer) {
  const { bulk, news, model } = explorer;
  if (!bulk || !news || bulk.of !== news.of) return;
  const other = explorer.of !== news.of;
  if (other) Object.assign(explorer, { of: news.of, moving: false, pending: 0, asked: undefined });
  model.window = news.window && readCounts(news.window);
  explorer.saved = news.saved && { t: received(news.saved.threshold), counts: whole4(model, news.saved) };
  const stays = JSON.stringify([news.saved, news.band]);
  explorer.laid &&= stays === explorer.stays;
  explorer.stays = stays;
  if (news.serial >= explorer.pending && !explorer.moving && !explorer.timer) {
    explorer.rest = { t: received(news.current.threshold), counts: whole4(model, news.current) };
    explorer.t = explorer.rest.t;
    explorer.pending = 0;
    explorer.said = ofTies(explorer);
    explorer.fresh = true;
  }
  request(explorer);
}

function whole4({ positives, negatives }, { tp, fp }) {
  return { tp, fp, fn: positives - tp, tn: negatives - fp };
}

function ofTies(explorer) {
  const { asked, rest, model } = explorer;
  explorer.asked = undefined;
  const [positive, rows] = [rest.counts.tp + rest.counts.fp, model.positives + model.negatives];
  if (asked === undefined) return "";
  const wanted = Math.floor((asked / 100) * rows + 1e-9);
  if (asked > 0 && !wanted) return `The top ${asked}% of ${whole(rows)} rows are less than one row.`;
  if (positive >= wanted) return "";
  return `The top ${asked}% would end among rows with equal scores; without all of these it is ${percent(positive, rows)}.`;
}

// --- where the threshold goes

function go(explorer, t) {
  const { low, high } = explorer.model.axis;
  explorer.t = Math.min(high, Math.max(low, t));
  explorer.moving = true;
  explorer.said = "";
  busy(explorer, true);
  request(explorer);
}

function busy({ nodes }, whether) {
  if (nodes.busy !== whether) nodes.explorer.setAttribute("aria-busy", (nodes.busy = whether));
}

function act(explorer, kind, value) {
  clearTimeout(explorer.timer);
  explorer.timer = undefined;
  explorer.moving = false;
  busy(explorer, true);
  explorer.pending = Math.max(explorer.pending, explorer.news.serial) + 1;
  explorer.send({ of: explorer.of, serial: explorer.pending, kind, value: sent(value) });
}

function commit(explorer) {
  if (explorer.moving) act(explorer, "drag", explorer.t);
}

function cancel(explorer) {
  explorer.moving = false;
  explorer.t = explorer.rest.t;
  request(explorer);
}

// Arrows go to the next distinct score, the page keys a twentieth of the axis, Home and End to its ends.
function pressed(explorer, event) {
  const { model, t } = explorer;
  const { axis } = model;
  const by = (share) => scoreAt(axis, place(axis, t) + share, 0.002);
  const moves = {
    ArrowRight: () => nextScore(model, t, 1), ArrowUp: () => nextScore(model, t, 1),
    ArrowLeft: () => nextScore(model, t, -1), ArrowDown: () => nextScore(model, t, -1),
    PageUp: () => by(PAGE), PageDown: () => by(-PAGE),
    Home: () => axis.low, End: () => axis.high,
  };
  if (!moves[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const to = moves[event.key]();
  if (to === null) return commit(explorer); // the scores from here on are the server's to say
  go(explorer, to);
  clearTimeout(explorer.timer);
  explorer.timer = setTimeout(() => commit(explorer), REST);
}

// A pointer on a plot takes the threshold along: `at(x, y)` in pixels of the plot says where to.
function follows(explorer, plot, at) {
  let box;
  const to = ({ clientX, clientY }) => {
    const t = at(clientX - box.left, clientY - box.top);
    if (t !== undefined) go(explorer, t);
  };
  plot.addEventListener("pointerdown", (event) => {
    if (event.button || !explorer.size) return;
    box = plot.getBoundingClientRect();
    plot.setPointerCapture(event.pointerId);
    if (event.pointerType === "mouse") event.preventDefault(); // which would select text
    explorer.find(".handle").focus({ preventScroll: true });
    if (event.pointerType !== "touch") to(event); // a finger may be about to scroll
  });
  plot.addEventListener("pointermove", (event) => box && to(event));
  plot.addEventListener("pointerup", (event) => {
    if (!box) return;
    to(event);
    box = undefined;
    commit(explorer);
  });
  plot.addEventListener("pointercancel", () => {
    box = undefined;
    cancel(explorer);
  });
}

function along(explorer, chart) {
  return (x) => {
    const { left, width } = explorer.size[chart];
    return scoreAt(explorer.model.axis, (x - left) / width, 1 / width);
  };
}

// The held threshold whose point on the curve is nearest.
function onCurve(explorer, chart) {
  return (x, y) => {
    const { xs, ys } = explorer.size[chart];
    let [best, least] = [undefined, Infinity];
    for (let i = 0; i < xs.length; i++) {
      const far = (xs[i] - x) ** 2 + (ys[i] - y) ** 2; // NaN is never less
      if (far < least) [best, least] = [i, far];
    }
    return best === undefined ? undefined : explorer.model.points.thresholds[best];
  };
}

// A field takes what was typed at Enter or when it is left; Escape takes it back.
function typed(explorer, selector, use) {
  const field = explorer.find(selector);
  const done = () => {
    if (explorer.typing !== field) return; // what stands there was shown, perhaps rounded, and not typed
    explorer.typing = undefined;
    const text = field.value;
    const problem = use(/^above/i.test(text.trim()) ? Infinity : parsed(text), text);
    if (problem) explorer.said = `${problem}, but got ${text.trim() || "nothing"}.`;
    request(explorer);
  };
  field.addEventListener("focus", () => field.select());
  field.addEventListener("blur", done);
  field.addEventListener("keydown", ({ key }) => {
    if (key === "Enter") done();
    if (key !== "Escape") return;
    explorer.typing = undefined;
    request(explorer);
  });
  field.addEventListener("input", () => (explorer.typing = field));
}

function exactly(explorer, t) {
  if (t === Infinity) Object.assign(explorer, { t, said: "" });
  else go(explorer, t);
  act(explorer, "type", explorer.t);
  request(explorer);
}

function listen(explorer) {
  const { find } = explorer;
  follows(explorer, find(".scores"), along(explorer, "scores"));
  follows(explorer, find(".metrics .plot"), along(explorer, "metrics"));
  for (const chart of ["pr", "roc"]) follows(explorer, find(`.${chart} .plot`), onCurve(explorer, chart));
  const slider = find(".slider");
  slider.addEventListener("input", () => {
    const { axis } = explorer.model;
    go(explorer, scoreAt(axis, slider.valueAsNumber, 1 / explorer.size.scores.width));
  });
  slider.addEventListener("change", () => commit(explorer));
  for (const one of [slider, find(".handle")]) one.addEventListener("keydown", (event) => pressed(explorer, event));
  typed(explorer, "input.p", (t) => {
    const { axis } = explorer.model;
    if (t !== Infinity && !(t >= axis.low && t <= axis.high)) {
      const what = axis.kind === "score" ? "a score" : "a probability";
      return `Expected ${what} in [${written(axis.low, Number)}, ${written(axis.high, Number)}]`;
    }
    exactly(explorer, t);
  });
  typed(explorer, "input.z", (z, text) => {
    if (Number.isNaN(z)) return "Expected a logit, any number";
    exactly(explorer, /^above/i.test(text.trim()) ? Infinity : expit(z));
  });
  typed(explorer, "input.top", (share) => {
    if (!(share >= 0 && share <= 100)) return "Expected a percentage in [0, 100]";
    explorer.asked = share;
    act(explorer, "share", share / 100);
  });
  const button = (selector, press) => {
    const node = find(selector);
    node.addEventListener("click", () => node.getAttribute("aria-disabled") === "true" || press());
  };
  button(".undo", () => {
    if (explorer.moving) cancel(explorer);
    act(explorer, "undo", null);
  });
  button(".save", () => act(explorer, "save", explorer.t));
  for (const cell of explorer.root.querySelectorAll(".cell")) {
    cell.addEventListener("click", () => act(explorer, cell.value, explorer.moving ? explorer.t : null));
  }
}

// --- what is drawn

function request(explorer) {
  explorer.frame ??= requestAnimationFrame(() => {
    explorer.frame = undefined;
    if (!explorer.model || explorer.t === undefined || !explorer.root?.isConnected) return;
    if (!explorer.laid) lay(explorer);
    draw(explorer);
  });
}

function word(x, y, text, anchor, more = "") {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" ${more}>${text}</text>`;
}

function upright(x, y, text) {
  return word(x, y, text, "middle", `transform="rotate(-90 ${x} ${y.toFixed(1)})"`);
}

const point = ({ left, top, width, height }, x, y) => [left + x * width, top + (1 - y) * height];

// What stays while the threshold moves: axes, words, curves, the saved threshold and the band.
function lay(explorer) {
  const { find } = explorer;
  const inside = (chart, left, right) => {
    const { clientWidth, clientHeight } = find(`.${chart} svg`);
    const { top, bottom } = FRAME;
    return { left, top, width: clientWidth - left - right, height: clientHeight - top - bottom };
  };
  const size = {
    scores: inside("scores", FRAME.left, FRAME.right), metrics: inside("metrics", 46, FRAME.right),
    pr: inside("pr", 46, 44), roc: inside("roc", 46, FRAME.right),
  };
  if (Object.values(size).some(({ width }) => width <= 0)) return;
  explorer.size = size;
  find(".note").textContent = `${ofBand(explorer)} ${explorer.bulk.note}`.trim();
  layScores(explorer);
  layMetrics(explorer);
  layCurve(explorer, "pr", "recall", "precision", (c) => [METRICS.recall(c), METRICS.precision(c)]);
  layCurve(explorer, "roc", "false positive rate", "recall", (c) => [METRICS.false_positive_rate(c), METRICS.recall(c)]);
  explorer.laid = true;
}

// Where there is no room for every tick, every second one, the middle among them.
function scoreTicks({ model: { axis } }, { left, top, width, height }) {
  let ticks = axis.ticks.map(([score, text]) => ({ x: left + place(axis, score) * width, text }));
  const meet = ({ x, text }, at) => at && x - ticks[at - 1].x < 3.6 * (text.length + ticks[at - 1].text.length) + 8;
  while (ticks.some(meet)) ticks = ticks.filter((_, at) => (at - Math.floor(ticks.length / 2)) % 2 === 0);
  return ticks.map(({ x, text }) => {
    const outside = x + 3.6 * text.length > left + width + 8;
    return word(outside ? left + width + 8 : x, top + height + 16, text, outside ? "end" : "middle");
  }).join("");
}

const called = (explorer) => (explorer.model.axis.kind === "score" ? "score" : "score (probability)");

function layScores(explorer) {
  const { find, size, model, saved } = explorer;
  const { left, top, width, height } = size.scores;
  const floor = top + height;
  find(".scores .axis").setAttribute("d", `M${left} ${floor}h${width}M${left} ${top + height / 2}h${width}`);
  find(".scores .words").innerHTML = scoreTicks(explorer, size.scores) +
    word(left + width / 2, floor + 34, called(explorer), "middle") + upright(12, top + height / 2, "√ share of class");
  const share = saved && place(model.axis, saved.t);
  const x = left + share * width;
  find(".scores .ghost").setAttribute("d", saved ? `M${x.toFixed(2)} ${top + 22}V${floor}` : "");
  const label = find(".saved");
  label.setAttribute("y", top + 32);
  label.textContent = saved ? `saved ${short(saved.t)}` : "";
  explorer.ghost = saved && { label, x, share };
  layBand(explorer, "scores");
  const { tp, fp } = model.bins;
  const largest = (rows, total) => {
    let most = 0;
    for (let bin = 1; bin < rows.length; bin++) most = Math.max(most, rows[bin - 1] - rows[bin]);
    return Math.sqrt(most / Math.max(total, 1));
  };
  explorer.tallest = Math.max(largest(tp, model.positives), largest(fp, model.negatives)) || 1;
  explorer.bars = layBars(explorer);
}

const ofBand = ({ news, bulk }) => (news.band ? `Shaded: ${bulk.band} ${news.band.map((end) => short(received(end))).join(" to ")}.` : "");

function layBand(explorer, chart) {
  const { find, size, model, news } = explorer;
  const rect = find(`.${chart} .band`);
  rect.style.display = news.band ? "" : "none";
  if (!news.band) return;
  const { left, top, width, height } = size[chart];
  const [low, high] = news.band.map((score) => place(model.axis, received(score)));
  rect.setAttribute("x", left + low * width);
  rect.setAttribute("width", Math.max((high - low) * width, 1));
  rect.setAttribute("y", top);
  rect.setAttribute("height", height);
}

function rateTicks({ left, top, height }) {
  return RATES.map((value) => word(left - 6, top + (1 - value) * height + 4, value, "end")).join("");
}

function layMetrics(explorer) {
  const { find, size, model, saved } = explorer;
  const { left, top, width, height } = size.metrics;
  const floor = top + height;
  find(".metrics .axis").setAttribute("d", `M${left} ${top}V${floor}h${width}`);
  find(".metrics .words").innerHTML = scoreTicks(explorer, size.metrics) + rateTicks(size.metrics) +
    word(left + width / 2, floor + 34, called(explorer).replace("score", "threshold"), "middle");
  const x = saved && left + place(model.axis, saved.t) * width;
  find(".metrics .ghost").setAttribute("d", saved ? `M${x.toFixed(2)} ${top}V${floor}` : "");
  layBand(explorer, "metrics");
  const paths = LINES.map((metric) => steps(explorer, METRICS[metric]));
  find(".metrics .curves").innerHTML = paths.map((d) => `<path d="${d}" />`).join("");
  find(".metrics .nothing").textContent = paths.some(Boolean) ? "" : "Undefined everywhere: there are no rows.";
  find(".metrics .labels").innerHTML = labels(explorer);
}

// A metric at every threshold, which only changes at the scores; what moves less than half a pixel is left out.
function steps({ size, model }, metric) {
  const { thresholds, tp, fp } = model.points;
  const { positives, negatives, axis } = model;
  let [path, lastX, lastY, x] = ["", NaN, NaN, size.metrics.left];
  for (let i = 0; i <= thresholds.length; i++) {
    const [t, f] = i < thresholds.length ? [tp[i], fp[i]] : [0, 0];
    const value = metric({ tp: t, fp: f, fn: positives - t, tn: negatives - f });
    const end = size.metrics.left + (i < thresholds.length ? place(axis, thresholds[i]) : 1) * size.metrics.width;
    const y = point(size.metrics, 0, value)[1];
    if (Number.isNaN(value)) lastX = NaN;
    else if (Number.isNaN(lastX)) path += `M${x.toFixed(1)} ${y.toFixed(1)}H${end.toFixed(1)}`;
    else if (Math.abs(end - lastX) > 0.5 || Math.abs(y - lastY) > 0.5 || i >= thresholds.length) {
      path += `V${y.toFixed(1)}H${end.toFixed(1)}`;
    } else {
      x = end;
      continue;
    }
    [lastX, lastY, x] = Number.isNaN(value) ? [NaN, NaN, end] : [end, y, end];
  }
  return path;
}

// Each line's name above it, where the line is level and no other line or name is near.
function labels({ model, size, bulk }) {
  const frame = size.metrics;
  const shares = Array.from({ length: 41 }, (_, at) => at / 40);
  const heights = shares.map((share) => {
    const counts = countsAt(model, scoreAt(model.axis, share, 1 / frame.width));
    return LINES.map((metric) => point(frame, 0, METRICS[metric](counts))[1]);
  });
  const reach = Math.ceil((30 / frame.width) * 40); // half a name's width
  const taken = [];
  return LINES.map((metric, line) => {
    let [best, most] = [undefined, -Infinity];
    for (let at = reach; at <= 40 - reach; at++) {
      const own = heights[at][line];
      const y = own < frame.top + 20 ? own + 17 : own - 7; // below a line at the top
      const near = heights.slice(at - reach, at + reach + 1);
      const bent = Math.max(...near.map((all) => Math.abs(all[line] - own)));
      const gaps = near.flatMap((all) => all.filter((_, other) => other !== line).map((other) => Math.abs(other - y + 4)));
      const covered = taken.some(([x, other]) => Math.abs(x - at) <= 2 * reach && Math.abs(other - y) < 15);
      const room = Math.min(24, ...gaps.filter((gap) => gap >= 0)) - bent - (covered ? 1e3 : 0);
      if (room > most) [best, most] = [[at, y], room];
    }
    if (!best) return "";
    taken.push(best);
    const text = bulk.labels[metric] === "F1" ? "F1" : bulk.labels[metric].toLowerCase();
    return word(point(frame, best[0] / 40, 0)[0], best[1], text, "middle");
  }).join("");
}

function layCurve(explorer, chart, xName, yName, at) {
  const { find, size, model, saved } = explorer;
  const frame = size[chart];
  const { left, top, width, height } = frame;
  const { thresholds, tp, fp } = model.points;
  const { positives, negatives } = model;
  frame.at = at;
  frame.xs = new Float64Array(thresholds.length);
  frame.ys = new Float64Array(thresholds.length);
  let [path, lastX, lastY] = ["", NaN, NaN];
  const add = ([x, y]) => {
    if (Number.isNaN(x + y)) return;
    if (Math.abs(x - lastX) <= 0.4 && Math.abs(y - lastY) <= 0.4) return;
    path += `${path ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    [lastX, lastY] = [x, y];
  };
  if (chart === "roc" && thresholds.length) add(point(frame, ...at({ tp: 0, fp: 0, fn: positives, tn: negatives })));
  for (let i = thresholds.length - 1; i >= 0; i--) {
    const counts = { tp: tp[i], fp: fp[i], fn: positives - tp[i], tn: negatives - fp[i] };
    const where = point(frame, ...at(counts));
    [frame.xs[i], frame.ys[i]] = where;
    add(where);
  }
  const floor = top + height;
  find(`.${chart} .curve`).setAttribute("d", path);
  find(`.${chart} .axis`).setAttribute("d", `M${left} ${top}V${floor}h${width}`);
  const lacking = positives ? (negatives ? "" : "negative") : "positive";
  find(`.${chart} .nothing`).textContent = path ? "" : !(positives + negatives) ? "There are no rows."
    : `There is no curve: no row is ${lacking}, so ${lacking === "positive" ? "recall" : xName} is undefined.`;
  const isos = chart === "pr" && path ? ISO_F1 : [];
  find(`.${chart} .words`).innerHTML = rateTicks(frame) +
    RATES.map((value) => word(point(frame, value, 0)[0], floor + 16, value, "middle")).join("") +
    word(left + width / 2, floor + 34, xName, "middle") + upright(12, top + height / 2, yName) +
    isos.map((f1) => word(left + width + 5, point(frame, 1, f1 / (2 - f1))[1] + 4, `F1 ${f1}`, "start")).join("");
  if (chart === "pr") {
    find(".iso").setAttribute("d", isos.map((f1) => iso(frame, f1)).join(""));
    const prevalence = positives / (positives + negatives);
    find(".pr .base").setAttribute("d", path ? `M${left} ${point(frame, 0, prevalence)[1]}h${width}` : "");
  } else {
    find(".roc .base").setAttribute("d", path ? `M${left} ${floor}L${left + width} ${top}` : "");
  }
  mark(find(`.${chart} .ghost`), frame, saved ? at(saved.counts) : [NaN, NaN]);
}

// Precision against recall where F1 is the same.
function iso(frame, f1) {
  const from = f1 / (2 - f1);
  return Array.from({ length: 61 }, (_, at) => {
    const recall = from + ((1 - from) * at) / 60;
    const [x, y] = point(frame, recall, (f1 * recall) / (2 * recall - f1));
    return `${at ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
  }).join("");
}

function mark(node, frame, [x, y]) {
  const [left, top] = point(frame, x, y);
  node.style.display = Number.isNaN(left + top) ? "none" : "";
  if (!Number.isNaN(left + top)) node.setAttribute("transform", `translate(${left.toFixed(2)} ${top.toFixed(2)})`);
}

// The name of the saved threshold stands where the line does not, as far as there is room.
function beside(ghost, share) {
  if (!ghost) return;
  const side = ghost.share < 0.15 || (ghost.share < 0.85 && share < ghost.share) ? "start" : "end";
  if (ghost.side === side) return;
  ghost.side = side;
  ghost.label.setAttribute("x", ghost.x + (side === "start" ? 6 : -6));
  ghost.label.setAttribute("text-anchor", side);
}

// The histogram's bars, one for each class and bin: its rows, those called next to the axis, and the others.
function layBars({ find, size, model, tallest }) {
  const { left, top, width, height } = size.scores;
  const { tp, fp } = model.bins;
  const step = width / (tp.length - 1);
  const bars = [
    { edges: tp, total: model.positives, kinds: ['class="positive tp"', 'class="fn" fill="url(#hatched-positive)"'], sign: -1, of: "tp" },
    { edges: fp, total: model.negatives, kinds: ['class="fp" fill="url(#hatched-negative)"', 'class="negative tn"'], sign: 1, of: "fp" },
  ].flatMap(({ edges, total, kinds, sign, of }) => Array.from(edges.slice(1), (above, bin) => {
    const rows = edges[bin] - above; // `above` of the class lie in higher bins
    const tall = (Math.sqrt(rows / total) * height) / 2 / (tallest * ROOM);
    return { rows, above, tall, kinds, sign, of, x: left + step * (bin + (1 - BAR) / 2), middle: top + height / 2 };
  })).filter(({ rows }) => rows);
  find(".bars").innerHTML = bars.map(({ kinds, x }) => kinds.map((kind) =>
    `<rect ${kind} x="${x.toFixed(2)}" width="${(step * BAR).toFixed(2)}" />`).join("")).join("");
  const nodes = find(".bars").children;
  return bars.map((bar, at) => ({ ...bar, called: nodes[2 * at], others: nodes[2 * at + 1] }));
}

// Parts a bar by its rows that are called; most stay as they are while the threshold moves.
function part(bar, counts) {
  const share = Math.min(1, Math.max(0, (counts[bar.of] - bar.above) / bar.rows));
  if (share === bar.share) return;
  bar.share = share;
  const set = (node, from, to) => {
    const [y, other] = [bar.middle + bar.sign * from, bar.middle + bar.sign * to];
    node.setAttribute("y", Math.min(y, other).toFixed(2));
    node.setAttribute("height", Math.abs(other - y).toFixed(2));
  };
  set(bar.called, 0, share * bar.tall);
  set(bar.others, share * bar.tall, bar.tall);
}

function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function draw(explorer) {
  const { find, model, bulk, news, t, saved, nodes, size } = explorer;
  const atRest = !explorer.moving && !explorer.pending;
  const counts = atRest ? explorer.rest.counts : countsAt(model, t);
  explorer.counts = counts;
  busy(explorer, !atRest);
  const { tp, fp, fn, tn } = counts;
  const rows = model.positives + model.negatives;

  nodes.explorer.classList.toggle("moving", explorer.moving);
  const share = place(model.axis, t);
  if (explorer.typing !== nodes.p) write(nodes.p, written(t, model.round));
  if (explorer.typing !== nodes.z) write(nodes.z, ofLogit(t));
  if (explorer.typing !== nodes.top) write(nodes.top, rows ? ((100 * (tp + fp)) / rows).toFixed(1) : "–");
  if (document.activeElement !== nodes.slider || nodes.slider.valueAsNumber !== share) nodes.slider.value = share;
  say(nodes.said, explorer.said ?? "");
  say(nodes.to, short(t));

  for (const { name, value, at, change: changed } of nodes.tiles) {
    const now = METRICS[name](counts);
    say(value, rate(now));
    say(at, t === Infinity ? "above all" : `at ${short(t)}`);
    const before = saved && METRICS[name](saved.counts);
    say(changed, Number.isNaN(now) ? why(name, counts)
      : !saved ? ""
      : Number.isNaN(before) ? `undefined at ${short(saved.t)}`
      : t === saved.t ? "saved" : `${change(now, before)} against ${short(saved.t)}`);
  }
  for (const [cell, count, row] of [["tn", tn, tn + fp], ["fp", fp, tn + fp], ["fn", fn, tp + fn], ["tp", tp, tp + fn]]) {
    say(nodes.cells[cell][0], whole(count));
    say(nodes.cells[cell][1], row ? `${percent(count, row)} of row` : "none of row");
  }

  if (size) {
    beside(explorer.ghost, share);
    nodes.line.style.transform = `translateX(${(size.scores.left + share * size.scores.width).toFixed(2)}px)`;
    for (const bar of explorer.bars) part(bar, counts);
    for (const chart of ["pr", "roc"]) mark(nodes.rings[chart], size[chart], size[chart].at(counts));
    const x = size.metrics.left + share * size.metrics.width;
    nodes.cut.setAttribute("d", `M${x.toFixed(2)} ${size.metrics.top}v${size.metrics.height}`);
    nodes.dots.forEach((dot, at) => mark(dot, size.metrics, [share, METRICS[LINES[at]](counts)]));
  }
  spoken(explorer, atRest);
}

function write(field, text) {
  if (field.value !== text) field.value = text;
}

// What is said of the threshold: where it stands at once, the rest when it rests.
function spoken(explorer, atRest) {
  const { nodes, model, bulk, t, counts, saved, news } = explorer;
  const rows = model.positives + model.negatives;
  const called = counts.tp + counts.fp;
  const asLogit = model.axis.kind === "score" || t === Infinity ? "" : ` (logit ${ofLogit(t)})`;
  const where = `${short(t)}${asLogit}, ${rows ? percent(called, rows) : "none"} of rows called ${bulk.label}`;
  for (const node of [nodes.slider, nodes.handle]) node.setAttribute("aria-valuetext", where);
  nodes.handle.setAttribute("aria-valuenow", Math.min(t, model.axis.high));
  if (!atRest || !explorer.fresh) return;
  explorer.fresh = false;

  const disable = (node, off) => node.setAttribute("aria-disabled", off);
  disable(nodes.undo, !news.undo);
  disable(nodes.save, t === saved?.t);
  const value = (name) => `${name === "f1" ? "F1" : name.replaceAll("_", " ")} ${rate(METRICS[name](counts))}`;
  const since = !saved || t === saved.t ? "" : ` Saved is ${short(saved.t)}.`;
  const band = news.band ? ` ${ofBand(explorer)}` : "";
  nodes.svg.scores.setAttribute("aria-label",
    `Histograms of scores by true class: ${whole(model.positives)} rows that are ${bulk.label} up, ` +
    `${whole(model.negatives)} that are ${bulk.rest} down; hatched where the threshold ${short(t)} decides wrongly.` +
    since + band);
  nodes.svg.pr.setAttribute("aria-label",
    `Precision against recall. At ${short(t)}: ${value("precision")}, ${value("recall")}, ${value("f1")}.${since}`);
  nodes.svg.roc.setAttribute("aria-label",
    `Recall against false positive rate. At ${short(t)}: ${value("recall")}, ${value("false_positive_rate")}.${since}`);
  nodes.svg.metrics.setAttribute("aria-label",
    `Metrics against threshold. At ${short(t)}: ${LINES.map(value).join(", ")}.${since}${band}`);
  if (explorer.readout?.isConnected) {
    say(explorer.readout, rows
      ? `${t === Infinity ? "Above every score" : `At ${short(t)}`}${asLogit} ${whole(called)} of ${whole(rows)} rows (${percent(called, rows)}) are called ` +
        `${bulk.label}: ${whole(counts.tp)} rightly and ${whole(counts.fp)} wrongly; ${whole(counts.fn)} are missed. ` +
        `${value("precision")[0].toUpperCase()}${value("precision").slice(1)}, ${value("recall")}. Counted over all rows.`
      : "There are no rows.");
  }
}

// --- the parts of the page

function name(explorer) {
  const { find, bulk, model, root } = explorer;
  find(".name.positive").textContent = `is ${bulk.label} (n = ${whole(model.positives)})`;
  find(".name.negative").textContent = `is ${bulk.rest} (n = ${whole(model.negatives)})`;
  for (const kind of ["label", "rest"]) {
    for (const node of root.querySelectorAll(`.${kind}`)) node.textContent = bulk[kind];
  }
  for (const cell of root.querySelectorAll(".cell")) cell.disabled = !bulk.asks;
  const scored = model.axis.kind === "score";
  find(".as-logit").hidden = scored;
  find(".field .sign").textContent = scored ? "score ≥" : "p ≥";
  find("input.p").setAttribute("aria-label", scored ? "Threshold as score" : "Threshold as probability");
  const handle = find(".handle");
  handle.setAttribute("aria-valuemin", model.axis.low);
  handle.setAttribute("aria-valuemax", model.axis.high);
  for (const tile of explorer.nodes.tiles) {
    tile.label.textContent = bulk.labels[tile.name];
    tile.node.title = bulk.help[tile.name];
  }
}

function mount(explorer, root) {
  explorer.unmount?.();
  const find = (selector) => root.querySelector(selector);
  const all = (names, selector) => Object.fromEntries(names.map((one) => [one, find(selector(one))]));
  find(".tiles").innerHTML = Object.keys(METRICS).filter((metric) => metric !== "false_positive_rate").map((metric) =>
    `<div class="tile ${metric}"><div><span></span><span class="at"></span></div><b></b><span class="change"></span></div>`,
  ).join("");
  find(".metrics .dots").innerHTML = LINES.map(() => `<circle r="4" />`).join("");
  const tiles = [...root.querySelectorAll(".tile")].map((node) => ({
    name: node.classList[1], node, label: node.querySelector("span"), at: node.querySelector(".at"),
    value: node.querySelector("b"), change: node.querySelector(".change"),
  }));
  const names = ["explorer", "line", "handle", "slider", "said", "to", "undo", "save", "cut"];
  Object.assign(explorer, {
    root, find, laid: false,
    nodes: {
      ...all(names, (one) => `.${one}`), ...all(["p", "z", "top"], (one) => `input.${one}`), tiles,
      rings: all(["pr", "roc"], (one) => `.${one} .ring`),
      svg: all(["scores", "pr", "roc", "metrics"], (one) => `.${one} svg`),
      dots: [...root.querySelectorAll(".dots circle")],
      cells: Object.fromEntries(["tn", "fp", "fn", "tp"].map((one) => [one, [find(`td .${one}`), find(`.${one}-share`)]])),
    },
  });
  const observer = new ResizeObserver(() => {
    explorer.laid = false;
    request(explorer);
  });
  for (const svg of root.querySelectorAll("svg")) observer.observe(svg);
  listen(explorer);
  explorer.unmount = () => {
    if (explorer.nodes.explorer.isConnected) return; // called after a superseded update as well
    observer.disconnect();
    clearTimeout(explorer.timer);
    cancelAnimationFrame(explorer.frame);
    if (explorers.get(explorer.name) === explorer) explorers.delete(explorer.name);
  };
}
