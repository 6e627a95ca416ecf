// Draws one epoch of a run at a time. Every number comes from the server; moving the slider sends nothing.

const BINS = 40;
const BAR = 0.94; // of a bin
const STEP = 50; // milliseconds an epoch while playing
const ROOM = 1.25; // above the tallest bar, for the names of the classes
const FRAME = { left: 24, right: 10, top: 8, bottom: 38 };
const RATES = [0, 0.25, 0.5, 0.75, 1];
const TYPES = { u2: Uint16Array, u4: Uint32Array, f8: Float64Array };

const scrubbers = new WeakMap(); // root -> state

function unpack({ dtype, bdata }) {
  return new TYPES[dtype](Uint8Array.from(atob(bdata), (letter) => letter.charCodeAt(0)).buffer);
}

function read(data) {
  const names = ["epochs", "rows", "tp", "fp", "precision", "recall"];
  const frames = Object.fromEntries(names.map((name) => [name, unpack(data[name])]));
  const [negatives, positives] = [0, BINS].map((from) => sum(frames.rows, from, from + BINS));
  return { ...frames, losses: data.losses && unpack(data.losses), negatives, positives };
}

function sum(values, from, to) {
  let total = 0;
  for (let i = from; i < to; i++) total += values[i];
  return total;
}

const whole = (count) => count.toLocaleString("en-US");
const rate = (value) => (Number.isNaN(value) ? "undefined" : value.toFixed(3));
const share = (part, all) => (all ? `${((100 * part) / all).toFixed(1)}% of row` : "none of row");
const loss = (value) => (value && Math.abs(value) < 0.1 ? value.toPrecision(3) : rate(value));

function nearest(epochs, epoch) {
  let best = 0;
  epochs.forEach((other, at) => {
    if (Math.abs(other - epoch) < Math.abs(epochs[best] - epoch)) best = at;
  });
  return best;
}

// The two paths of one class at epoch `at`, predicted positives next to the axis; `sign` is -1 for bars that go up.
function bars({ frames, data, size }, at, positive, sign) {
  const { width, height } = size.scores;
  const from = (2 * at + positive) * BINS;
  const total = positive ? frames.positives : frames.negatives;
  const step = width / BINS;
  const unit = height / 2 / (data.tallest * ROOM || 1);
  const above = sum(frames.rows, from + data.split + 1, from + BINS);
  const inSplit = (positive ? frames.tp : frames.fp)[at] - above;
  let [called, refused] = ["", ""];
  for (let bin = 0; bin < BINS; bin++) {
    const rows = frames.rows[from + bin];
    if (!rows) continue;
    const part = bin < data.split ? 0 : bin > data.split ? 1 : inSplit / rows;
    const tall = Math.sqrt(rows / total) * unit;
    const x = (FRAME.left + step * (bin + (1 - BAR) / 2)).toFixed(2);
    const bar = (start, end) => {
      const [y, h] = [FRAME.top + height / 2 + sign * start, sign * (end - start)];
      return `M${x} ${y.toFixed(2)}v${h.toFixed(2)}h${(step * BAR).toFixed(2)}v${(-h).toFixed(2)}z`;
    };
    if (part > 0) called += bar(0, part * tall);
    if (part < 1) refused += bar(part * tall, tall);
  }
  return { called, refused };
}

function draw(state) {
  const { at, frames, find } = state;
  const [tp, fp] = [frames.tp[at], frames.fp[at]];
  const [fn, tn] = [frames.positives - tp, frames.negatives - fp];
  const [precision, recall] = [frames.precision[at], frames.recall[at]];

  const slider = find(".slider");
  slider.max = frames.epochs.length - 1;
  slider.value = at;
  slider.setAttribute("aria-valuetext", `epoch ${frames.epochs[at]}`);
  const play = find(".play");
  play.textContent = state.playing ? "Pause" : "Play";
  play.disabled = frames.epochs.length < 2;
  find(".readout").setAttribute("aria-live", state.chosen ? "polite" : "off"); // what moves by itself is not said

  const say = (name, text) => (find(name).textContent = text);
  say(".epoch", whole(frames.epochs[at]));
  say(".precision", rate(precision));
  say(".recall", rate(recall));
  if (frames.losses) say(".validation", loss(frames.losses[at]));
  for (const [name, count, row] of [
    ["tn", tn, frames.negatives],
    ["fp", fp, frames.negatives],
    ["fn", fn, frames.positives],
    ["tp", tp, frames.positives],
  ]) {
    say(`td .${name}`, whole(count));
    say(`.${name}-share`, share(count, row));
  }

  if (!state.size) return;
  const [up, down] = [bars(state, at, 1, -1), bars(state, at, 0, 1)];
  find("path.tp").setAttribute("d", up.called);
  find("path.fn").setAttribute("d", up.refused);
  find("path.fp").setAttribute("d", down.called);
  find("path.tn").setAttribute("d", down.refused);
  const ring = find(".ring");
  ring.style.display = Number.isNaN(precision + recall) ? "none" : "";
  const [x, y] = onCurve(state, recall, precision);
  ring.setAttribute("transform", `translate(${x || 0} ${y || 0})`);
}

function onCurve({ size }, recall, precision) {
  const { left, width, top, height } = size.pr;
  return [left + recall * width, top + (1 - precision) * height];
}

function word(x, y, text, anchor, more = "") {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" ${more}>${text}</text>`;
}

function upright(x, y, text) {
  return word(x, y, text, "middle", `transform="rotate(-90 ${x} ${y.toFixed(1)})"`);
}

// What stays while the epoch changes: axes, words, the threshold's line and the trail.
function lay(state) {
  const { data, frames, find } = state;
  const inside = (name, left) => {
    const { clientWidth, clientHeight } = find(`.${name} svg`);
    const { right, top, bottom } = FRAME;
    return { left, top, width: clientWidth - left - right, height: clientHeight - top - bottom };
  };
  const size = { scores: inside("scores", FRAME.left), pr: inside("pr", 46) };
  if (size.scores.width <= 0 || size.pr.width <= 0) return;
  state.size = size;

  const { left, top, width, height } = size.scores;
  const [low, high] = data.edges;
  const across = (value) => left + ((value - low) / (high - low)) * width;
  const floor = top + height;
  find(".scores .axis").setAttribute("d", `M${left} ${floor}h${width}M${left} ${top + height / 2}h${width}`);
  find(".cut").setAttribute("d", `M${across(data.x).toFixed(2)} ${top}V${floor}`);
  find(".scores .words").innerHTML =
    data.ticks.map(([value, text]) => word(across(value), floor + 16, text, "middle")).join("") +
    word(left + width / 2, floor + 34, "score (probability)", "middle") +
    upright(12, top + height / 2, "√ share of class");

  const { pr } = size;
  const bottom = pr.top + pr.height;
  find(".pr .axis").setAttribute("d", `M${pr.left} ${pr.top}V${bottom}h${pr.width}`);
  find(".pr .words").innerHTML =
    RATES.map((value) => {
      const [x, y] = onCurve(state, value, value);
      return word(x, bottom + 16, value, "middle") + word(pr.left - 6, y + 4, value, "end");
    }).join("") +
    word(pr.left + pr.width / 2, bottom + 34, "recall", "middle") +
    upright(12, pr.top + pr.height / 2, "precision");
  let joined = false;
  let trail = "";
  frames.epochs.forEach((_, at) => {
    const [x, y] = onCurve(state, frames.recall[at], frames.precision[at]);
    const drawn = !Number.isNaN(x + y);
    if (drawn) trail += `${joined ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    joined = drawn;
  });
  find(".trail").setAttribute("d", trail);
}

function name(state) {
  const { data, frames, find } = state;
  const last = frames.epochs.at(-1);
  find(".of").textContent = `of ${whole(last)}`;
  find(".epoch").style.minWidth = `${whole(last).length}ch`;
  find(".loss").hidden = !frames.losses;
  find(".threshold").textContent = data.threshold;
  find(".name.positive").textContent = `actual ${data.label}, n = ${whole(frames.positives)}`;
  find(".name.negative").textContent = `actual ${data.rest}, n = ${whole(frames.negatives)}`;
  for (const kind of ["label", "rest"]) {
    for (const place of state.root.querySelectorAll(`.${kind}`)) place.textContent = data[kind];
  }
  find(".scrubber").style.setProperty("--height", `${data.height}px`);
  find(".scores svg").setAttribute("aria-label", data.alt);
  find(".pr svg").setAttribute("aria-label", `Precision and recall at ${frames.epochs.length === 1 ? "1 epoch" : `${frames.epochs.length} epochs`}.`);
}

function request(state, laid = true) {
  state.laid &&= laid;
  state.frame ??= requestAnimationFrame((now) => show(state, now));
}

function show(state, now) {
  state.frame = undefined;
  const before = state.at;
  if (state.playing) advance(state, now);
  if (!state.laid) {
    lay(state);
    state.laid = true;
  } else if (state.playing && state.at === before) return; // not yet time for the next epoch
  draw(state);
}

function advance(state, now) {
  const last = state.frames.epochs.length - 1;
  const steps = Math.max(0, Math.floor((now - state.since) / STEP));
  state.since += steps * STEP;
  state.at = Math.min(state.at + steps, last);
  state.playing = state.at < last;
  if (state.playing) request(state);
}

function mount(root) {
  const state = { root, find: (selector) => root.querySelector(selector), playing: false, laid: false };
  const slider = state.find(".slider");
  slider.addEventListener("input", () => {
    state.playing = false;
    state.chosen = true;
    state.at = slider.valueAsNumber;
    request(state);
  });
  state.find(".play").addEventListener("click", () => {
    state.playing = !state.playing;
    state.chosen = !state.playing;
    state.since = performance.now();
    if (state.at === state.frames.epochs.length - 1) state.at = 0;
    request(state, false);
  });
  const observer = new ResizeObserver(() => request(state, false));
  for (const svg of root.querySelectorAll("svg")) observer.observe(svg);
  state.unmount = () => {
    if (state.find(".scrubber")?.isConnected) return; // called after a superseded update as well
    observer.disconnect();
    cancelAnimationFrame(state.frame);
  };
  scrubbers.set(root, state);
  return state;
}

export default function ({ data, parentElement }) {
  const state = scrubbers.get(parentElement) ?? mount(parentElement);
  const before = state.frames?.epochs;
  const frames = read(data);
  const followed = !before || state.at === before.length - 1;
  state.at = followed ? frames.epochs.length - 1 : nearest(frames.epochs, before[state.at]);
  Object.assign(state, { data, frames, chosen: false });
  name(state);
  request(state, false);
  return state.unmount;
}
