// From thresholds to decisions to numbers of all classes or labels, as core/evaluation has them; independent of the page.
//
// data: task, names (C), scores (C * shown, a column after the other), truth (class of each row, or C * shown), weights
// (shown), dtype, and of classes rule and fallback.

import { METRICS, ROUND, ratio } from "./model.js";

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

export const isOf = (data, c, i) => (data.task === "multilabel" ? data.truth[c * data.shown + i] : data.truth[i] === c);

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
    return { called, columns, matrix: crossed(data, decided), totals: { ...totals, ...changes } };
  }
  const rows = Array.from(has, (_, i) => ratio(2 * right[i], has[i] + gets[i]));
  const weighted = columns.reduce((total, one) => total + (Number.isFinite(one.f1) ? one.f1 * (one.tp + one.fn) : 0), 0);
  const averages = ["precision", "recall", "f1"].flatMap((name) =>
    [[`micro_${name}`, METRICS[name]({ tp, fp, fn })], [`macro_${name}`, macro(name)]]);
  const totals = {
    ...Object.fromEntries(averages),
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

// Rows by actual and predicted class, K times K + 1 of them, those without a class last.
function crossed({ names, truth, weights }, decided) {
  const width = names.length + 1;
  const matrix = new Float64Array(names.length * width);
  decided.forEach((c, i) => (matrix[truth[i] * width + (c < 0 ? names.length : c)] += weights[i]));
  return matrix;
}
