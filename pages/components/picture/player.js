// One bar that plays the epochs of a run: it drives everything that is drawn, and never moves the threshold.
//
// While a run trains, the same buttons pause and step the training, which whoever trains it hears of.

import { act } from "./threshold.js";
import { say } from "./svg.js";

const WHOLE = 3000; // milliseconds for all epochs at speed 1
const SPEEDS = [0.25, 0.5, 1, 2, 4];

const icon = (d) => `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${d}" /></svg>`;
const PLAY = "M4 2.5v11l9-5.5z";
const PAUSE = "M4 2.5h3v11h-3zM9 2.5h3v11h-3z";

export const html = `
  <button type="button" class="play">${icon(PLAY)}<span></span></button>
  <button type="button" class="step" aria-label="Step one epoch" title="Step one epoch">${icon("M3 2.5v11l7-5.5zM11 2.5h2v11h-2z")}</button>
  <input type="range" class="epochs" aria-label="Epoch" min="0" step="1" />
  <button type="button" class="best-epoch">Best epoch</button>
  <span class="epoch"><span class="at"></span><span class="note"></span></span>
  <select class="speed" aria-label="Speed of the replay">${SPEEDS.map((speed) => `<option value="${speed}">${speed}×</option>`).join("")}</select>
  <button type="button" class="restart" aria-label="Restart from the first epoch" title="Restart from the first epoch">${icon("M3 2.5h2v11h-2zM13 2.5v11l-7-5.5z")}</button>`;

const calm = () => globalThis.matchMedia?.("(prefers-reduced-motion: reduce)").matches;

export function mount(state) {
  const { find } = state;
  const last = () => state.film.frames.length - 1;
  const show = (at) => {
    Object.assign(state, { at, playing: false, chosen: true, part: 0 });
    state.request({ lay: true });
  };
  find(".speed").value = state.speed;
  find(".epochs").addEventListener("input", ({ target }) => show(target.valueAsNumber));
  find(".play").addEventListener("click", () => {
    if (state.data.live) return act(state, state.data.live === "paused" ? "resume" : "pause", null);
    if (state.playing) return show(state.at);
    play(state, state.at === last() ? 0 : state.at);
  });
  find(".step").addEventListener("click", () => {
    if (state.data.live) return act(state, "step", null);
    show(state.at === last() ? 0 : state.at + 1);
  });
  find(".restart").addEventListener("click", () => {
    if (state.data.live) return act(state, "restart", null);
    play(state, 0);
  });
  find(".best-epoch").addEventListener("click", () => {
    const at = placeOfBest(state);
    if (at >= 0) show(at);
  });
  find(".speed").addEventListener("change", ({ target }) => {
    state.speed = Number(target.value);
    if (state.data.live) act(state, "speed", state.speed);
  });
}

const placeOfBest = ({ data, film }) => film.frames.findIndex(({ epoch }) => epoch === data.best_epoch?.epoch);

function play(state, at) {
  Object.assign(state, { at, playing: true, chosen: false, part: 0, since: performance.now() });
  state.request({ lay: true });
}

// Play once what is to be replayed, unless the viewer wants no motion.
export function replay(state, name) {
  if (!name || name === state.replayed) return;
  state.replayed = name;
  if (!calm() && state.film.frames.length > 1) play(state, 0);
}

// Go as many epochs on as the time since the last one says; whether another one is shown.
export function advance(state, now) {
  const last = state.film.frames.length - 1;
  const pause = WHOLE / last / state.speed;
  const steps = Math.max(0, Math.floor((now - state.since) / pause));
  state.since += steps * pause;
  state.at = Math.min(state.at + steps, last);
  state.playing = state.at < last;
  state.part = state.playing ? Math.max(0, (now - state.since) / pause) : 0; // of the way to the next one
  return steps > 0;
}

export function paint(state) {
  const { find, data, film, frame, playing, epochs } = state;
  const going = data.live ? data.live === "running" : playing;
  const none = !data.live && film.frames.length < 2;
  const button = find(".play");
  say(button.querySelector("span"), going ? "Pause" : data.live ? "Resume" : "Replay");
  button.querySelector("path").setAttribute("d", going ? PAUSE : PLAY);
  for (const name of ["play", "step", "restart"]) find(`.${name}`).disabled = none;
  const slider = find(".epochs");
  const scrubbed = film.frames.length > 1; // one alone stands where the run has got to
  slider.disabled = !scrubbed;
  slider.max = scrubbed ? film.frames.length - 1 : Math.max(1, epochs);
  slider.value = scrubbed ? state.at : frame.epoch;
  slider.setAttribute("aria-valuetext", `epoch ${frame.epoch} of ${epochs}`);
  const best = find(".best-epoch");
  best.hidden = epochs < 2;
  best.style.visibility = placeOfBest(state) < 0 ? "hidden" : ""; // its place is kept while a run trains
  best.title = data.best_epoch ? `Epoch ${data.best_epoch.epoch}: ${data.best_epoch.by}` : "";
  best.setAttribute("aria-disabled", placeOfBest(state) === state.at);
  say(find(".epoch .at"), `epoch ${frame.epoch} of ${epochs}`);
  say(find(".epoch .note"), state.at === film.frames.length - 1 && data.note ? ` · ${data.note}` : "");
}
