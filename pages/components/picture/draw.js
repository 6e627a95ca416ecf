// Draws the picture of a run into an element, and again into the same one when there is more to say. Knows nothing of
// Streamlit: `onChange` hears of acts { of, threshold_of, serial, kind, value }, and an answer is the next `data`.
//
// data: of (what is shown: an act of another one is out of date, but for thresholds while threshold_of is the same), run (whose epochs it shows: of other rows or columns
// of it the same epoch is shown), serial (of the last act that is answered), large (the
// film, see core/plots/picture.py), group (of the film, whose rows are drawn; none for all rows), marks [{ role,
// threshold, tp, fp, label }], window, outline, and texts and switches as picture.py lists them.

import * as columns from "./columns.js";
import * as player from "./player.js";
import * as scores from "./scores.js";
import * as values from "./values.js";
import { rate, readFilm } from "./model.js";
import { say } from "./svg.js";

// What can be drawn: its html and parts, each with `mount`, `lay` and `paint`; `receive` takes over thresholds, `look`
// what belongs to the epoch that is shown, `count` counts before each paint, and `said` says what is drawn.
const KINDS = { scores, values, classes: columns.classes, labels: columns.labels };

const states = new WeakMap(); // element -> state

export function draw(element, data, onChange) {
  let state = states.get(element);
  if (state?.kind !== data.large.kind) {
    state?.stop();
    const { replayed, speed = 1, run } = state ?? {};
    state = mount(element, data.large.kind, { replayed, speed, run, earlier: state && earlier(state) });
  }
  state.onChange = onChange;
  receive(state, data);
}

// What draws into the element no longer does; what is there stays.
export function stop(element) {
  states.get(element)?.stop();
  states.delete(element);
}

function mount(element, kind, kept) {
  const { parts, html } = KINDS[kind];
  element.innerHTML = `<div class="stage of-${kind}">${html}
    <div class="player" role="group" aria-label="Replay">${player.html}</div><p class="readout" aria-live="polite"></p></div>`;
  const nodes = new Map();
  const find = (selector) => {
    if (!nodes.has(selector)) nodes.set(selector, element.querySelector(selector));
    return nodes.get(selector);
  };
  const plots = [...element.querySelectorAll(".plot svg")];
  const state = {
    element, kind, parts, find, plots, frames: new Map(), laid: false,
    moving: false, pending: 0, playing: false, part: 0, height: "density", tab: "pr", ...kept,
  };
  state.request = ({ lay = false } = {}) => {
    if (state.stopped) return; // as by a field that loses the focus when it is taken away
    state.laid &&= !lay;
    state.next ??= requestAnimationFrame((now) => show(state, now));
  };
  const observer = new ResizeObserver(() => {
    if (!state.laid || state.sizes !== sizes(plots)) state.request({ lay: true }); // else it begins to observe
  });
  for (const svg of plots) observer.observe(svg);
  for (const part of parts) part.mount?.(state);
  state.stop = () => {
    state.stopped = true;
    observer.disconnect();
    clearTimeout(state.timer);
    cancelAnimationFrame(state.next);
  };
  states.set(element, state);
  return state;
}

// Take over what arrived. It moves the threshold only if no newer act is on its way and nobody moves it.
function receive(state, data) {
  const all = readFilm(data.large);
  const film = all.ofGroup?.[data.group] ?? all;
  const other = state.of !== data.of;
  if (state.threshold_of !== data.threshold_of) {
    clearTimeout(state.timer);
    Object.assign(state, { timer: undefined, moving: false, pending: 0, asked: undefined });
  }
  Object.assign(state, { of: data.of, threshold_of: data.threshold_of });
  const epoch = state.run === data.run ? earlier(state) : undefined;
  if (epoch === undefined) state.playing = false;
  const at = epoch === undefined ? film.frames.length - 1 : nearest(film.frames, epoch);
  Object.assign(state, { data, film, at, run: data.run, frame: film.frames[at], part: 0, epochs: data.epochs ?? film.frames.at(-1).epoch });
  const outlined = data.outline && readFilm(data.outline.large);
  state.before = outlined?.kind === film.kind ? { film: outlined, frame: outlined.frames.at(-1) } : undefined;
  state.find(".stage").classList.toggle("untrained", !data.live && !film.losses.validation.length);
  if (other || !film.axes?.[state.axis]) state.axis = film.axes && (film.axes[data.axis] ? data.axis : Object.keys(film.axes)[0]);
  KINDS[state.kind].receive?.(state, other);
  player.replay(state, data.replay);
  state.request({ lay: true });
}

// The epoch that is shown where it is not the last one, which later ones are followed to.
function earlier(state) {
  if (!state.film) return state.earlier;
  const { film, at } = state;
  return at < film.frames.length - 1 ? film.frames[at].epoch : undefined;
}

function nearest(frames, epoch) {
  const far = frames.map((frame) => Math.abs(frame.epoch - epoch));
  return far.indexOf(Math.min(...far));
}

const sizes = (plots) => plots.map(({ clientWidth, clientHeight }) => `${clientWidth} ${clientHeight}`).join();

function measure(state) {
  const now = sizes(state.plots);
  if (now !== state.sizes) state.frames.clear();
  state.sizes = now;
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
    state.frame = state.film.frames[state.at];
    measure(state);
    KINDS[state.kind].look?.(state);
    for (const part of state.parts) part.lay?.(state);
    state.laid = true;
  }
  KINDS[state.kind].count?.(state);
  const stage = state.find(".stage");
  stage.setAttribute("aria-busy", state.moving || state.pending > 0);
  stage.classList.toggle("moving", state.moving);
  for (const part of state.parts) part.paint(state);
  describe(state);
}

// What is said to those who cannot see it, once all has come to rest.
function describe(state) {
  const { find, film, frame, playing } = state;
  if (state.moving || state.pending || playing) return;
  find(".readout").setAttribute("aria-live", state.chosen === false ? "off" : "polite"); // what moves by itself is not said
  const { validation } = film.losses;
  const of = validation[frame.epoch];
  find(".loss svg").setAttribute("aria-label",
    `Loss by epoch.${Number.isFinite(of) ? ` Validation loss ${rate(of)} at epoch ${frame.epoch}.` : ""}`);
  const epoch = film.frames.length > 1 ? `Epoch ${frame.epoch} of ${state.epochs}. ` : "";
  say(find(".readout"), `${epoch}${KINDS[state.kind].said(state)}`);
}
