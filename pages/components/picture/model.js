// Counts and metrics at a threshold, the next score, and how a number is written; independent of the page.
// A row is predicted positive when score >= threshold, in the scores' own precision.

const TYPES = { u1: Uint8Array, u4: Uint32Array, f4: Float32Array, f8: Float64Array };

export function unpack(packed) {
  if (Array.isArray(packed)) return packed;
  return new TYPES[packed.dtype](Uint8Array.from(atob(packed.bdata), (letter) => letter.charCodeAt(0)).buffer);
}

// The nearest number of half precision; ties go to the even one.
function half(x) {
  if (!x || !Number.isFinite(x)) return x;
  const step = 2 ** (Math.max(Math.floor(Math.log2(Math.abs(x))), -14) - 10);
  const steps = x / step;
  const even = Math.abs(steps % 1) === 0.5 ? 2 * Math.round(steps / 2) : Math.round(steps);
  return Math.abs(even * step) > 65504 ? Math.sign(x) * Infinity : even * step;
}

export const ROUND = { float16: half, float32: Math.fround, float64: (x) => x };

// Counts at ascending thresholds.
export function readCounts({ thresholds, tp, fp }) {
  return { thresholds: unpack(thresholds), tp: unpack(tp), fp: unpack(fp) };
}

// Counts as core/plots/picture.py writes them: what each adds to the next higher, the highest first; weights as they are.
function countedDown(given) {
  if (!Array.isArray(given)) return unpack(given);
  const counts = new Float64Array(given.length);
  let total = 0;
  given.forEach((more, at) => (counts[given.length - 1 - at] = total += more));
  return counts;
}

const films = new WeakMap(); // what was fetched -> what is read of it

// The epochs of a run, read once.
export function readFilm(large) {
  if (!films.has(large)) films.set(large, READERS[large.kind](large));
  return films.get(large);
}

const READERS = { scores: readScores, values: readValues, classes: readColumns, labels: readColumns, outline: (large) => large };

// Of all rows, and in `ofGroup` of the rows of each group.
function readScores(large) {
  const all = { ...large, round: ROUND[large.dtype], ...readRows(large) };
  return { ...all, ofGroup: Object.fromEntries(large.groups.map((group) => [group.name, { ...all, ...readRows(group) }])) };
}

function readRows({ positives, negatives, frames: given }) {
  const frames = given.map(({ thresholds, tp, fp, bins, ...frame }) => ({
    ...frame,
    points: { thresholds: unpack(thresholds), tp: countedDown(tp), fp: countedDown(fp) },
    bins: Object.fromEntries(Object.entries(bins).map(([kind, edges]) =>
      [kind, { tp: countedDown(edges.tp), fp: countedDown(edges.fp) }])),
  }));
  return { positives, negatives, frames, rows: positives + negatives };
}

function readValues(large) {
  const frames = large.frames.map((frame) => ({ ...frame, predicted: unpack(frame.predicted) }));
  return { ...large, frames, actual: unpack(large.actual) };
}

function readColumns(large) {
  const { shown, scores, truth, weights } = large;
  return {
    ...large, scores: unpack(scores), truth: unpack(truth), weights: weights ? unpack(weights) : new Float64Array(shown).fill(1),
    task: large.kind === "labels" ? "multilabel" : "multiclass", round: ROUND[large.dtype],
  };
}

// Numbers on the way from some to others, at a share of it.
export const between = (from, to, share) => from.map((value, at) => value + share * (to[at] - value));

// The first place whose value is >= t; the length if there is none.
export function atOrAbove(values, t) {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < t) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Whether consecutive distinct scores say exactly what t does.
function covers({ thresholds }, t, points) {
  const [first, last] = [thresholds[0], thresholds[thresholds.length - 1]];
  return thresholds.length > 0 && (t > first || first === points.thresholds[0]) &&
    (t <= last || last === points.thresholds[points.thresholds.length - 1]);
}

// Counts at t: those of all rows where the scores next to t are known, else within the bound of what is held.
export function countsAt(model, t) {
  const { points, window, positives, negatives } = model;
  const rounded = model.round(t);
  const source = window && covers(window, rounded, points) ? window : points;
  const at = atOrAbove(source.thresholds, rounded);
  const [tp, fp] = at < source.thresholds.length ? [source.tp[at], source.fp[at]] : [0, 0];
  return { tp, fp, fn: positives - tp, tn: negatives - fp };
}

// The next distinct score above (way 1) or below (way -1) t, beyond the last the end of the axis; null if unknown here.
export function nextScore(model, t, way) {
  const { points, window, exact, axis } = model;
  const rounded = model.round(t);
  const source = exact ? points : window;
  if (!source || !covers(source, rounded, points)) return null;
  const { thresholds } = source;
  let at = atOrAbove(thresholds, rounded);
  if (way > 0) {
    if (thresholds[at] === rounded) at++;
    if (at < thresholds.length) return thresholds[at];
    return thresholds[at - 1] === points.thresholds[points.thresholds.length - 1] || exact ? axis.high : null;
  }
  if (at > 0) return thresholds[at - 1];
  return !thresholds.length || thresholds[0] === points.thresholds[0] ? axis.low : null;
}

export const ratio = (top, bottom) => (bottom ? top / bottom : NaN);

// As core/evaluation/metrics.py has them; a ratio without a denominator is NaN.
export const METRICS = {
  precision: ({ tp, fp }) => ratio(tp, tp + fp),
  recall: ({ tp, fn }) => ratio(tp, tp + fn),
  f1: ({ tp, fp, fn }) => ratio(2 * tp, 2 * tp + fn + fp),
  accuracy: ({ tp, fp, fn, tn }) => ratio(tp + tn, tp + fp + fn + tn),
  specificity: ({ tn, fp }) => ratio(tn, tn + fp),
  false_positive_rate: ({ tn, fp }) => ratio(fp, tn + fp),
  mcc: ({ tp, fp, fn, tn }) => {
    const spread = Math.sqrt((tp + fp) * (tn + fn)) * Math.sqrt((tp + fn) * (tn + fp));
    return Math.min(1, Math.max(-1, ratio(tp * tn - fp * fn, spread)));
  },
};

// Why a metric is undefined.
export function why(name, { tp, fp, fn, tn }) {
  if (!(tp + fp + fn + tn)) return "there are no rows";
  if (name === "precision") return "no row is predicted positive";
  if (name === "recall") return "no row is actual positive";
  if (name === "specificity" || name === "false_positive_rate") return "no row is negative";
  if (name === "f1") return "no row is actual or predicted positive";
  if (!(tp + fn)) return "no row is positive";
  if (!(tn + fp)) return "no row is negative";
  return tp + fp ? "every row is predicted positive" : "no row is predicted positive";
}

export const logit = (p) => Math.log(p) - Math.log1p(-p);
export const expit = (z) => 1 / (1 + Math.exp(-z));

// A threshold in a few digits, more where it is close to 0 or to 1.
export function short(t) {
  if (t === Infinity) return "above every score";
  if (t > 0 && t < 0.001) return t.toPrecision(2);
  if (t > 0.999 && t < 1) return t.toFixed(Math.min(12, 1 - Math.floor(Math.log10(1 - t))));
  return Math.abs(t) >= 1e5 ? t.toPrecision(4) : rate(t);
}

// Where a score lies on the axis, as a share of its length.
export function place({ kind, start, end }, score) {
  const at = kind === "logit" ? logit(Math.min(1, Math.max(0, score))) : score;
  return Math.min(1, Math.max(0, (at - start) / (end - start)));
}

// The score at a share of the axis, written as short as `resolution`, another share, allows; at its ends the ends.
export function scoreAt(axis, share, resolution) {
  if (share <= resolution / 2) return axis.low;
  if (share >= 1 - resolution / 2) return axis.high;
  const score = (part) => {
    const at = axis.start + part * (axis.end - axis.start);
    return axis.kind === "logit" ? expit(at) : at;
  };
  const [low, high] = [score(share - resolution / 2), score(share + resolution / 2)];
  const short = shortest(score(share), (number) => number >= low && number <= high);
  return Math.min(axis.high, Math.max(axis.low, short));
}

// The number nearest to x with the fewest digits that will do.
function shortest(x, willDo) {
  for (let digits = 1; digits < 17; digits++) {
    const number = Number(x.toPrecision(digits));
    if (willDo(number)) return number;
  }
  return x;
}

// A threshold in as many digits as tell it from every other one.
export function written(t, round) {
  if (t === Infinity) return "above all";
  return String(shortest(t, (number) => round(number) === round(t))).replace("-", "−");
}

export function ofLogit(t) {
  if (t === Infinity) return "above all";
  const z = logit(t);
  if (!Number.isFinite(z)) return z > 0 ? "∞" : "−∞";
  return (Math.abs(z) < 0.0005 ? 0 : z).toFixed(3).replace("-", "−");
}

// The state above every score, which no number says: Infinity here, a word on the way to the server and back.
export const ABOVE_ALL = "above-all";
export const received = (t) => (t === ABOVE_ALL ? Infinity : t);
export const sent = (t) => (t === Infinity ? ABOVE_ALL : t);

// A number as it was typed: a comma or a point, any minus, ∞ or inf; NaN for anything else, such as 1e400, which no
// number holds, or 1,000, whose comma may be a point or none. "50%" is 0.5, or 50 where a percentage is asked for.
export function parsed(text, { percentage = false } = {}) {
  const [, given, sign] = text.trim().match(/^(.*?)\s*(%?)$/s);
  if (/^[-−+]?[1-9]\d{0,2},\d{3}$/.test(given)) return NaN;
  const number = read(given);
  return sign && !percentage ? number / 100 : number;
}

const NUMBER = /^[-+]?((\d+\.?\d*|\.\d+)(e[-+]?\d+)?|Infinity)$/i; // not 0x1

function read(text) {
  const plain = text.replace("−", "-").replace(",", ".").replace(/∞|inf(inity)?$/i, "Infinity");
  const number = NUMBER.test(plain) ? Number(plain) : NaN;
  return Number.isFinite(number) || plain.endsWith("Infinity") ? number : NaN;
}

// A number of rows, or a sum of weights, of which small ones are told apart too.
export const whole = (count) =>
  count.toLocaleString("en-US", Number.isInteger(count) || count >= 100 ? { maximumFractionDigits: 1 } : { maximumSignificantDigits: 3 });
export const ofRows = (count) => `${whole(count)} ${count === 1 ? "row" : "rows"}`;
export const rate = (value) => (Number.isNaN(value) ? "undefined" : value.toFixed(3).replace("-", "−"));
// A share in percent; none and all are said without decimals.
export const percent = (part, all) => `${((100 * part) / all).toFixed(part && part !== all ? 1 : 0)}%`;

// How a value differs from the one at the saved threshold.
export function change(value, saved) {
  if (Number.isNaN(value) || Number.isNaN(saved)) return Number.isNaN(saved) ? "undefined" : rate(saved);
  const difference = Number((value - saved).toFixed(3));
  return difference ? `${difference > 0 ? "▲" : "▼"} ${Math.abs(difference).toFixed(3)}` : "no change";
}
