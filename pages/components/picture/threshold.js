// Where the threshold goes: under a pointer, with keys, and back from whoever answers.
//
// While it moves nothing is said; when it rests, one act says where, with a serial number. An answer to an older act
// never moves it, nor does any while it moves.

import { expit, nextScore, parsed, place, scoreAt, sent, written } from "./model.js";

const PAGE = 0.05; // of the axis, a larger step
export const REST = 300; // milliseconds after the last key at which a threshold rests

// Said at once, not with the next frame: until it is taken back what is drawn is not what was answered.
export const busy = (state) => state.find(".stage").setAttribute("aria-busy", true);

export function go(state, t) {
  const { low, high } = state.model.axis;
  state.t = Math.min(high, Math.max(low, t));
  state.moving = true;
  state.said = "";
  busy(state);
  state.request();
}

const MOVES = ["drag", "type", "share", "save", "undo"]; // acts that say themselves where the threshold goes

// Say what was done. Any other act brings a move along that had not come to rest.
export function act(state, kind, value) {
  const says = MOVES.includes(kind) && value !== null;
  const moved = state.moving && !says ? sent(state.t) : null;
  clearTimeout(state.timer);
  state.timer = undefined;
  Object.assign(state, { moving: false, chosen: true });
  state.pending = Math.max(state.pending, state.data.serial) + 1;
  state.onChange({ of: state.of, threshold_of: state.threshold_of, serial: state.pending, kind, value: sent(value), moved, column: state.column ?? null });
  busy(state);
  state.request();
}

export function commit(state) {
  if (state.moving) act(state, "drag", state.t);
}

export function cancel(state) {
  clearTimeout(state.timer);
  state.timer = undefined;
  state.moving = false;
  state.t = state.rest.t;
  state.request();
}

// Arrows go to the next distinct score, the page keys a twentieth of the axis, Home and End to its ends.
export function pressed(state, event) {
  const { model, t } = state;
  const { axis } = model;
  const by = (share) => scoreAt(axis, place(axis, t) + share, 0.002);
  const moves = {
    ArrowRight: () => nextScore(model, t, 1), ArrowUp: () => nextScore(model, t, 1),
    ArrowLeft: () => nextScore(model, t, -1), ArrowDown: () => nextScore(model, t, -1),
    PageUp: () => by(PAGE), PageDown: () => by(-PAGE),
    Home: () => axis.low, End: () => axis.high,
  };
  if (event.key === "Escape" && state.moving) return cancel(state);
  if (!moves[event.key] || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const to = moves[event.key]();
  if (to === null) return commit(state); // the scores from here on are the server's to say
  go(state, to);
  clearTimeout(state.timer);
  state.timer = setTimeout(() => commit(state), REST);
}

// A pointer on a plot takes the threshold along: `at(x, y)`, in pixels of the plot, says where to.
export function follows(state, plot, at) {
  let [box, last] = [];
  const to = ({ clientX, clientY }) => {
    if (last === `${clientX} ${clientY}`) return; // held there, while new epochs may stretch the axis
    last = `${clientX} ${clientY}`;
    const t = at(clientX - box.left, clientY - box.top);
    if (t !== undefined) go(state, t);
  };
  plot.addEventListener("pointerdown", (event) => {
    if (event.button || !state.model) return;
    box = plot.getBoundingClientRect();
    last = undefined;
    plot.setPointerCapture(event.pointerId);
    if (event.pointerType === "mouse") event.preventDefault(); // which would select text
    state.find(".handle").focus({ preventScroll: true });
    if (event.pointerType !== "touch") to(event); // a finger may be about to scroll
  });
  plot.addEventListener("pointermove", (event) => box && to(event));
  plot.addEventListener("pointerup", (event) => {
    if (!box) return;
    to(event);
    box = undefined;
    commit(state);
  });
  plot.addEventListener("pointercancel", () => {
    box = undefined;
    cancel(state);
  });
}

// A field takes what was typed at Enter or when it is left; Escape takes it back.
function typed(state, selector, use, read = parsed) {
  const field = state.find(selector);
  const done = () => {
    if (state.typing !== field) return; // what stands there was shown, perhaps rounded, and not typed
    state.typing = undefined;
    const text = field.value.trim();
    const problem = use(read(text), /^above/i.test(text));
    if (problem) state.said = `${problem}, but got ${text || "nothing"}.`;
    state.request();
  };
  field.addEventListener("focus", () => field.select());
  field.addEventListener("blur", done);
  field.addEventListener("keydown", ({ key }) => {
    if (key === "Enter") done();
    if (key !== "Escape") return;
    state.typing = undefined;
    state.request();
  });
  field.addEventListener("input", () => (state.typing = field));
}

function exactly(state, t) {
  go(state, t);
  act(state, "type", state.t);
}

function aboveAll(state) {
  Object.assign(state, { t: Infinity, said: "" });
  act(state, "type", state.t);
}

export function listenToFields(state) {
  typed(state, "input.p", (t, above) => {
    const { axis } = state.model;
    if (above) return aboveAll(state);
    if (!(t >= axis.low && t <= axis.high)) {
      const what = axis.kind === "score" ? "a score" : "a probability";
      return `Expected ${what} in [${written(axis.low, Number)}, ${written(axis.high, Number)}]`;
    }
    exactly(state, t);
  });
  typed(state, "input.z", (z, above) => {
    if (above) return aboveAll(state);
    if (Number.isNaN(z)) return "Expected a logit, any number";
    exactly(state, expit(z));
  }, (text) => (text.endsWith("%") ? NaN : parsed(text)));
  typed(state, "input.top", (share) => {
    if (!(share >= 0 && share <= 100)) return "Expected a percentage in [0, 100]";
    state.asked = share;
    state.said = "";
    act(state, "share", share / 100);
  }, (text) => parsed(text, { percentage: true }));
}
