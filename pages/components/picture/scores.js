// One threshold: two classes, one class against the rest, or one label.

import * as curves from "./curves.js";
import * as fields from "./fields.js";
import * as histogram from "./histogram.js";
import * as loss from "./loss.js";
import * as matrix from "./matrix.js";
import * as player from "./player.js";
import * as tiles from "./tiles.js";
import { countsAt, ofLogit, ofRows, percent, rate, METRICS, readCounts, received, short, whole } from "./model.js";

export const parts = [fields, histogram, tiles, matrix, curves, loss, player];

export const html = `
  <div class="left">
    <section class="card control" aria-label="Threshold">${fields.html}${histogram.html}</section>
    <section class="tiles of-threshold" aria-label="Metrics">${tiles.html}</section>
  </div>
  <div class="right">
    <section class="card matrix" aria-label="Confusion matrix">${matrix.html}</section>
    <div class="card charts">
      <section class="curves" aria-label="Curves">${curves.html}</section>
      <section class="loss" aria-label="Loss">${loss.html}</section>
    </div>
  </div>`;

export function receive(state, other) {
  const { data, film, before } = state;
  state.marks = Object.fromEntries(data.marks.map(({ role, threshold, tp, fp, label }) =>
    [role, { t: received(threshold), counts: all(film, { tp, fp }), label }]));
  if (before) {
    before.t = received(data.outline.threshold);
    before.model = modelOf(before.film, before.frame, state.axis);
    before.counts = all(before.film, data.outline);
  }
  look(state);
  state.rest = state.marks.current;
  if (data.serial < state.pending || state.moving || state.timer) return;
  state.t = state.rest.t;
  state.pending = 0;
  state.said = fields.ofTies(state) || (state.said && !other ? state.said : "");
}

const all = ({ positives, negatives }, { tp, fp }) => ({ tp, fp, fn: positives - tp, tn: negatives - fp });

function modelOf(film, frame, axis, window = null) {
  return {
    points: frame.points, window, exact: !frame.bound || !window, bound: frame.bound, axis: film.axes[axis], round: film.round,
    positives: film.positives, negatives: film.negatives, rows: film.rows,
  };
}

// The model of the epoch that is shown: of the last one the scores next to the threshold are known.
export function look(state) {
  const { film, data, at, axis } = state;
  const last = at === film.frames.length - 1;
  state.model = modelOf(film, state.frame, axis, last && data.window ? readCounts(data.window) : null);
  const { saved } = state.marks;
  state.saved = saved && { ...saved, counts: last ? saved.counts : countsAt(state.model, saved.t) };
}

export function count(state) {
  const { model, at, film, moving, pending, rest, t } = state;
  state.known = !moving && !pending && at === film.frames.length - 1;
  state.counts = state.known ? rest.counts : countsAt(model, t);
}

export function said(state) {
  const { find, data, film } = state;
  const { model, counts, t, saved } = state;
  const { tp, fp, fn } = counts;
  const where = short(t);
  const since = saved && saved.t !== t ? ` Saved is ${short(saved.t)}.` : "";
  find(".scores svg").setAttribute("aria-label",
    `Histogram of scores by actual class: ${ofRows(film.positives)} actual ${data.label} up, ` +
    `${whole(film.negatives)} actual ${data.rest} down; hatched where the threshold ${where} is wrong.${since}`);
  find(".curve svg").setAttribute("aria-label", curves.described(state, where) + since);
  const asLogit = model.axis.kind === "score" || t === Infinity ? "" : ` (logit ${ofLogit(t)})`;
  const positive = tp + fp;
  const group = data.group ? `${film.grouped_by} ${data.group}. ` : "";
  return group + (!model.rows ? "There are no rows."
    : `${t === Infinity ? "Above every score" : `At ${where}`}${asLogit} ${whole(positive)} of ${ofRows(model.rows)} ` +
      `(${percent(positive, model.rows)}) ${positive === 1 ? "is" : "are"} predicted ${data.label}: ${whole(tp)} correct and ${whole(fp)} wrong; ` +
      `${whole(fn)} of actual ${data.label} ${fn === 1 ? "is" : "are"} missed. Precision ${rate(METRICS.precision(counts))}, recall ${rate(METRICS.recall(counts))}.`);
}
