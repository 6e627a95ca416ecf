// Draws the picture of a run into an element, and again into the same one when there is more to say. Knows nothing of
// Streamlit: `onChange` hears of acts { of, serial, kind, value }, and an answer is the next `data`.
//
// data: of (what is shown: an act of another one is out of date), serial (of the last act that is answered), large (the
// film, see core/plots/picture.py), marks [{ role, threshold, tp, fp, label }], window, outline, and texts and switches
// as picture.py lists them.

import * as curves from "./curves.js";
import * as fields from "./fields.js";
import * as histogram from "./histogram.js";
import * as loss from "./loss.js";
import * as matrix from "./matrix.js";
import * as player from "./player.js";
import * as tiles from "./tiles.js";
import { countsAt, ofLogit, percent, rate, METRICS, readCounts, readFilm, received, short, whole } from "./model.js";
import { say } from "./svg.js";
import { errors, residuals, scatter } from "./values.js";

const KINDS = {
  scores: {
    parts: [fields, histogram, tiles, matrix, curves, loss, player],
    html: `
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
      </div>`,
  },
  values: {
    parts: [scatter, residuals, errors, loss, player],
    html: `
      <div class="left">
        <section class="card control" aria-label="Predicted vs. actual">${scatter.html}</section>
        <section class="tiles" aria-label="Errors">${errors.html}</section>
      </div>
      <div class="right">
        <section class="card matrix" aria-label="Residuals">${residuals.html}</section>
        <div class="card charts"><section class="loss" aria-label="Loss">${loss.html}</section></div>
      </div>`,
  },
};

const states = new WeakMap(); // element -> state

export function draw(element, data, onChange) {
  let state = states.get(element);
  if (state?.kind !== data.large.kind) {
    state?.stop();
    state = mount(element, data.large.kind);
  }
  state.onChange = onChange;
  receive(state, data);
}

// What draws into the element no longer does; what is there stays.
export function stop(element) {
  states.get(element)?.stop();
  states.delete(element);
}

function mount(element, kind) {
  const { parts, html } = KINDS[kind];
  element.innerHTML = `<div class="stage of-${kind}">${html}
    <div class="player" role="group" aria-label="Replay">${player.html}</div><p class="readout" aria-live="polite"></p></div>`;
  const nodes = new Map();
  const find = (selector) => {
    if (!nodes.has(selector)) nodes.set(selector, element.querySelector(selector));
    return nodes.get(selector);
  };
  const state = {
    element, kind, parts, find, frames: new Map(), laid: false,
    moving: false, pending: 0, playing: false, part: 0, speed: 1, height: "density", tab: "pr",
  };
  state.request = ({ lay = false } = {}) => {
    state.laid &&= !lay;
    state.next ??= requestAnimationFrame((now) => show(state, now));
  };
  const observer = new ResizeObserver(() => {
    state.frames.clear();
    state.request({ lay: true });
  });
  for (const svg of element.querySelectorAll(".plot svg")) observer.observe(svg);
  for (const part of parts) part.mount?.(state);
  state.stop = () => {
    observer.disconnect();
    clearTimeout(state.timer);
    cancelAnimationFrame(state.next);
  };
  states.set(element, state);
  return state;
}

// Take over what arrived. It moves the threshold only if no newer act is on its way and nobody moves it.
function receive(state, data) {
  const film = readFilm(data.large);
  const other = state.of !== data.of;
  if (other) {
    clearTimeout(state.timer);
    Object.assign(state, { of: data.of, timer: undefined, moving: false, pending: 0, asked: undefined, playing: false, part: 0 });
  }
  const followed = other || state.at === state.film.frames.length - 1;
  const at = followed ? film.frames.length - 1 : nearest(film.frames, state.frame.epoch);
  Object.assign(state, { data, film, at, part: 0, epochs: data.epochs ?? film.frames.at(-1).epoch });
  const outlined = data.outline && readFilm(data.outline.large);
  state.before = outlined?.kind === film.kind ? { film: outlined, frame: outlined.frames.at(-1) } : undefined;
  if (state.kind === "scores") receiveThresholds(state, other);
  player.replay(state, data.replay);
  state.request({ lay: true });
}

function receiveThresholds(state, other) {
  const { data, film, before } = state;
  if (other || !film.axes[state.axis]) state.axis = film.axes[data.axis] ? data.axis : Object.keys(film.axes)[0];
  state.marks = Object.fromEntries(data.marks.map(({ role, threshold, tp, fp, label }) =>
    [role, { t: received(threshold), counts: all(film, { tp, fp }), label }]));
  if (before) {
    before.t = received(data.outline.threshold);
    before.model = modelOf(before.film, before.frame, state.axis);
    before.counts = countsAt(before.model, before.t);
  }
  look(state);
  if (data.serial < state.pending || state.moving || state.timer) return;
  state.rest = state.marks.current;
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
function look(state) {
  const { film, data, at, axis } = state;
  const last = at === film.frames.length - 1;
  state.frame = film.frames[at];
  state.model = modelOf(film, state.frame, axis, last && data.window ? readCounts(data.window) : null);
  const { saved } = state.marks;
  state.saved = saved && { ...saved, counts: last ? saved.counts : countsAt(state.model, saved.t) };
}

function nearest(frames, epoch) {
  const far = frames.map((frame) => Math.abs(frame.epoch - epoch));
  return far.indexOf(Math.min(...far));
}

function show(state, now) {
  state.next = undefined;
  if (!state.element.isConnected || !state.element.clientWidth) return;
  if (state.playing) {
    if (player.advance(state, now)) state.laid = false;
    else if (state.laid && !state.moving) {
      for (const part of state.parts) if (part.animated) part.paint(state);
      return state.request();
    }
    if (state.playing) state.request();
  }
  const fresh = !state.laid;
  if (fresh) {
    if (state.kind === "scores") look(state);
    state.frame = state.film.frames[state.at];
    for (const part of state.parts) part.lay?.(state);
    state.laid = true;
  }
  if (state.kind === "scores") count(state);
  for (const part of state.parts) part.paint(state);
  describe(state);
}

function count(state) {
  const { model, at, film, moving, pending, rest, t } = state;
  state.known = !moving && !pending && at === film.frames.length - 1;
  state.counts = state.known ? rest.counts : countsAt(model, t);
  state.find(".stage").setAttribute("aria-busy", moving || pending > 0);
  state.find(".stage").classList.toggle("moving", moving);
}

// What is said to those who cannot see it, once all has come to rest.
function describe(state) {
  const { find, data, film, frame, playing } = state;
  if (state.moving || state.pending || playing) return;
  find(".readout").setAttribute("aria-live", state.chosen === false ? "off" : "polite"); // what moves by itself is not said
  const { validation } = film.losses;
  const of = validation[frame.epoch];
  find(".loss svg").setAttribute("aria-label",
    `Loss by epoch.${Number.isFinite(of) ? ` Validation loss ${rate(of)} at epoch ${frame.epoch}.` : ""}`);
  const epoch = film.frames.length > 1 ? `Epoch ${frame.epoch} of ${state.epochs}. ` : "";
  if (state.kind === "values") {
    return say(find(".readout"), `${epoch}Mean absolute error ${frame.errors.mae === null ? "undefined" : rate(frame.errors.mae)}.`);
  }
  const { model, counts, t, saved } = state;
  const { tp, fp, fn } = counts;
  const where = short(t);
  const since = saved && saved.t !== t ? ` Saved is ${short(saved.t)}.` : "";
  find(".scores svg").setAttribute("aria-label",
    `Histogram of scores by actual class: ${whole(film.positives)} rows actual ${data.label} up, ` +
    `${whole(film.negatives)} actual ${data.rest} down; hatched where the threshold ${where} is wrong.${since}`);
  find(".curve svg").setAttribute("aria-label", curves.described(state, where) + since);
  const asLogit = model.axis.kind === "score" || t === Infinity ? "" : ` (logit ${ofLogit(t)})`;
  const positive = tp + fp;
  say(find(".readout"), !model.rows ? "There are no rows."
    : `${epoch}${t === Infinity ? "Above every score" : `At ${where}`}${asLogit} ${whole(positive)} of ${whole(model.rows)} rows ` +
      `(${percent(positive, model.rows)}) are predicted ${data.label}: ${whole(tp)} correct and ${whole(fp)} wrong; ` +
      `${whole(fn)} of actual ${data.label} are missed. Precision ${rate(METRICS.precision(counts))}, recall ${rate(METRICS.recall(counts))}.`);
}
