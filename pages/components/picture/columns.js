// Several classes, decided together, or several labels, each with its own threshold: a table of all of them.
//
// At rest every number is the server's. While a threshold of the last epoch moves, the browser counts the rows that it
// has; earlier epochs are shown at the thresholds at rest.

import * as crossed from "./crossed.js";
import * as loss from "./loss.js";
import * as player from "./player.js";
import * as table from "./table.js";
import * as totals from "./totals.js";
import { count as counted } from "./decisions.js";
import { METRICS, rate, readFilm, received, short } from "./model.js";

function receive(state, other) {
  const { data, film } = state;
  state.rows = { ...film, rule: data.rule, fallback: data.fallback };
  state.moments = data.moments.map((moment) => known(moment, film.names.length));
  state.before = data.saved && { thresholds: data.saved.map(received), totals: defined(data.before) };
  state.previous = data.outline && readFilm(data.outline.large);
  state.best = data.best?.map(received);
  state.counting = undefined;
  state.rest = data.thresholds.map(received);
  if (data.serial < state.pending || state.moving || state.timer) return;
  if (other) state.column = undefined;
  state.thresholds = [...state.rest];
  state.pending = 0;
  if (other) state.said = "";
}

const defined = (numbers) => Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, value ?? NaN]));

function known({ tp, fp, fn, matrix: cells, totals }, length) {
  const matrix = cells && new Float64Array(length * (length + 1));
  cells?.places.forEach((place, at) => (matrix[place] = cells.rows[at]));
  const columns = tp.map((_, c) => rated({ tp: tp[c], fp: fp[c], fn: fn[c] }));
  return { columns, matrix, totals: defined(totals) };
}

const rated = (counts) => ({
  ...counts, precision: METRICS.precision(counts), recall: METRICS.recall(counts), f1: METRICS.f1(counts),
});

// What is drawn: `called` says of the last epoch which rows are predicted each class or label.
function count(state) {
  const { at, film, moving, pending, rows, thresholds } = state;
  state.last = at === film.frames.length - 1;
  const moves = state.last && (moving || pending > 0);
  state.exact = !moves || film.shown === film.rows;
  if (!state.last) return (state.counts = state.moments[at]);
  const key = thresholds.join();
  if (state.counting?.key !== key || state.counting.rows !== rows) state.counting = { key, rows, found: counted(rows, thresholds) };
  const { found } = state.counting;
  state.counts = moves ? found : { ...state.moments.at(-1), called: found.called };
}

// All of them in a sentence, after the one whose threshold moved last.
function said(state) {
  const { column, counts, data, film, thresholds } = state;
  table.describe(state);
  const moved = column === undefined ? "" : `${film.names[column]} at ${short(thresholds[column])}: ` +
    `precision ${rate(counts.columns[column].precision)}, recall ${rate(counts.columns[column].recall)}, F1 ${rate(counts.columns[column].f1)}. `;
  const [main] = data.totals;
  const mean = data.averages.at(-1);
  return `${moved}All ${film.names.length} ${data.noun.plural}: ${main.label} ${rate(counts.totals[main.id])}, ` +
    `${mean.label} F1 ${rate(counts.totals[mean.ids.at(-1)])}.`;
}

const shared = { receive, count, said };
const control = `<section class="card control" aria-label="Thresholds">${table.html}</section>`;
const tiles = `<section class="tiles of-all" aria-label="Totals">${totals.html}</section>`;
const charts = `<div class="card charts"><section class="loss" aria-label="Loss">${loss.html}</section></div>`;

export const classes = {
  ...shared,
  parts: [table, totals, crossed, loss, player],
  html: `
    <div class="left">${control}${tiles}</div>
    <div class="right">
      <section class="card matrix" aria-label="Confusion matrix">${crossed.html}</section>
      ${charts}
    </div>`,
};

export const labels = {
  ...shared,
  parts: [table, totals, loss, player],
  html: `<div class="left">${control}</div><div class="right">${tiles}${charts}</div>`,
};
