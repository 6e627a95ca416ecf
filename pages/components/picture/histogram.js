// Scores by actual class, positive rows up and negative rows down, with the threshold as a line to drag.

import { between, countsAt, ofLogit, percent, place, scoreAt, short, whole } from "./model.js";
import { segments } from "./fields.js";
import { frameOf, say, scoreTicks, word } from "./svg.js";
import { act, follows, pressed } from "./threshold.js";

const ROOM = 1.3; // above the tallest bar, for names and labels
const OUTLINE = 1.5; // times the tallest bar, up to which the outline of the previous run sets the scale
const GAP = 0.06; // of a bin, between bars
const TITLES = 18; // pixels at the top, for the names of a class and of the outline
const TICK = 44; // pixels that a tick and its number take, at most
const MARGINS = { left: 10, right: 10, top: 4, bottom: 20 };
const AXES = [["probability", "probability"], ["logit", "logit"]];

// How tall a bar of `rows` out of `total` is, the value at which that height stands, and how this is written.
const HEIGHTS = {
  density: {
    tall: (rows, total) => Math.sqrt(rows / (total || 1)), at: (tall) => tall ** 2,
    written: (share) => `${whole(100 * share)}%`, caption: "share of the class, root scale",
  },
  counts: { tall: (rows) => rows, at: (tall) => tall, written: whole, caption: "rows" },
  log: { tall: (rows) => Math.log10(1 + rows), at: (tall) => 10 ** tall - 1, written: whole, caption: "rows, log scale" },
};

export const html = `
  <div class="plot scores">
    <span class="name positive"></span>
    <span class="name negative"></span>
    <svg role="img">
      <defs>
        <pattern id="hatched-positive" class="positive" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="2.2" height="5" /></pattern>
        <pattern id="hatched-negative" class="negative" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="2.2" height="5" /></pattern>
      </defs>
      <rect class="band" />
      <path class="tp positive" />
      <path class="fn" fill="url(#hatched-positive)" />
      <path class="tn negative" />
      <path class="fp" fill="url(#hatched-negative)" />
      <path class="outline" />
      <path class="axis" />
      <path class="ghost" />
      <path class="best" />
      <g class="words"></g>
      <g class="labels"></g>
    </svg>
    <div class="line"><div class="handle" role="slider" tabindex="0" aria-label="Threshold"></div></div>
  </div>
  <div class="below">
    <span class="segments heights" role="group" aria-label="Height of the bars"></span>
    <span class="axis-name"></span>
    <span class="segments axes" role="group" aria-label="Axis of the scores"></span>
  </div>`;

export function mount(state) {
  const { find } = state;
  follows(state, find(".scores"), (x) => {
    const { left, width } = frameOf(state, ".scores svg", MARGINS);
    return scoreAt(state.model.axis, (x - left) / width, 1 / width);
  });
  find(".handle").addEventListener("keydown", (event) => pressed(state, event));
  find(".heights").addEventListener("click", ({ target }) => {
    if (!target.value) return;
    state.height = target.value;
    state.request({ lay: true });
  });
  find(".axes").addEventListener("click", ({ target }) => {
    if (!target.value || target.value === state.axis) return;
    state.axis = target.value;
    act(state, "axis", state.axis);
    state.request({ lay: true });
  });
}

export function lay(state) {
  const { find, data, model, film, saved, marks } = state;
  const frame = frameOf(state, ".scores svg", MARGINS);
  const { left, top, width, height } = frame;
  const middle = top + height / 2;
  const kind = HEIGHTS[state.height];
  say(find(".name.positive"), `actual ${data.label}, n = ${whole(film.positives)}`);
  say(find(".name.negative"), `actual ${data.rest}, n = ${whole(film.negatives)}`);
  segments(find(".heights"), Object.keys(HEIGHTS).map((name) => [name, name]), state.height);
  segments(find(".axes"), Object.keys(film.axes).length > 1 ? AXES : [], model.axis.kind);
  find(".heights").title = `Bars: ${kind.caption}`;

  // The last epoch sets the scale, so that bars grow and shrink while epochs are played; taller ones are cut.
  const last = film.frames.at(-1).bins[model.axis.kind];
  const before = state.before?.frame.bins[model.axis.kind];
  const own = Math.max(largest(last.tp, film.positives, kind), largest(last.fp, film.negatives, kind)) || 1;
  const earlier = before ? Math.max(largest(before.tp, state.before.film.positives, kind), largest(before.fp, state.before.film.negatives, kind)) : 0;
  const tallest = Math.max(own, Math.min(earlier, OUTLINE * own));
  state.bars = { frame, middle, kind, unit: height / 2 / (tallest * ROOM), most: height / 2 };

  find(".scores .axis").setAttribute("d", `M${left} ${middle}h${width}M${left} ${top + height}h${width}`);
  find(".scores .outline").setAttribute("d", before
    ? outline(state.bars, before.tp, state.before.film.positives, -1) + outline(state.bars, before.fp, state.before.film.negatives, 1)
    : "");
  find(".scores .words").innerHTML = scoreTicks(model.axis, frame) + heightTicks(state.bars, tallest, last);

  const labels = [];
  const flagged = (mark, selector, text, y) => {
    const share = mark && place(model.axis, mark.t);
    const x = mark && left + share * width;
    find(`.scores ${selector}`).setAttribute("d", mark ? `M${x.toFixed(2)} ${y - 11}V${top + height}` : "");
    if (mark) labels.push({ class: selector.slice(1), x, y, share, text });
  };
  flagged(marks.best, ".best", marks.best?.label || `best ${short(marks.best?.t ?? 0)}`, top + 30);
  flagged(saved, ".ghost", `saved ${short(saved?.t ?? 0)}`, top + 46);
  find(".scores .labels").innerHTML = labels.map(({ class: name, y, text }) => word(0, y, text, "start", `class="${name}"`)).join("") +
    (data.outline ? word(left + width, top + 12, `outline: ${width < 420 ? data.outline.text.split(":")[0] : data.outline.text}`, "end", 'class="outlined"') : "");
  state.labels = labels.map((label, at) => ({ ...label, node: find(".scores .labels").children[at], side: undefined }));

  band(find(".scores .band"), { ...frame, top: top + TITLES, height: height - TITLES }, model.axis, marks);
  const handle = find(".handle");
  handle.setAttribute("aria-valuemin", model.axis.low);
  handle.setAttribute("aria-valuemax", model.axis.high);
}

export function band(rect, { left, top, width, height }, axis, { low, high }) {
  const drawn = low && high;
  rect.style.display = drawn ? "" : "none";
  if (!drawn) return;
  const [from, to] = [low, high].map(({ t }) => place(axis, t));
  for (const [name, value] of [["x", left + from * width], ["width", Math.max((to - from) * width, 1)], ["y", top], ["height", height]]) {
    rect.setAttribute(name, value.toFixed(2));
  }
}

function largest(edges, total, kind) {
  let most = 0;
  for (let bin = 1; bin < edges.length; bin++) most = Math.max(most, edges[bin - 1] - edges[bin]);
  return kind.tall(most, total);
}

// One round value on either side of the axis says what the heights are, clear of the names of the classes: at the left
// end, or at the right one where the bars there are lower.
function heightTicks({ frame, middle, kind, unit, most }, tallest, { tp, fp }) {
  const value = kind.at(Math.min(0.95 * tallest, (most - TITLES - 10) / unit));
  if (!(value > 0)) return "";
  const power = 10 ** Math.floor(Math.log10(value));
  const round = [5, 2, 1].map((step) => step * power).find((step) => step <= value);
  const tall = kind === HEIGHTS.density ? Math.sqrt(round) : kind.tall(round);
  return [-1, 1].map((sign) => {
    const y = middle + sign * tall * unit;
    const [from, into, anchor] = lowerAtTheRight(sign < 0 ? tp : fp, frame.width) ? [frame.left + frame.width, -1, "end"] : [frame.left, 1, "start"];
    return `<path class="tick" d="M${from} ${y.toFixed(1)}h${5 * into}" />` + word(from + 8 * into, y + 4, kind.written(round), anchor, 'class="tick"');
  }).join("");
}

function lowerAtTheRight(edges, width) {
  const bins = edges.length - 1;
  const some = Math.ceil((TICK / width) * bins);
  const most = (from) => Math.max(...Array.from({ length: some }, (_, at) => edges[from + at] - edges[from + at + 1]));
  return most(bins - some) < most(0);
}

// The two paths of one class: rows predicted positive next to the axis, and the others.
function bars({ frame, middle, kind, unit, most }, edges, total, predicted, sign) {
  const step = frame.width / (edges.length - 1);
  let [positive, negative] = ["", ""];
  for (let bin = 0; bin < edges.length - 1; bin++) {
    const rows = edges[bin] - edges[bin + 1];
    if (!(rows > 0)) continue;
    const share = Math.min(1, Math.max(0, (predicted - edges[bin + 1]) / rows)); // those above are of higher bins
    const tall = Math.min(most, kind.tall(rows, total) * unit);
    const x = (frame.left + step * (bin + GAP / 2)).toFixed(2);
    const bar = (from, to) => {
      const length = sign * (to - from);
      return `M${x} ${(middle + sign * from).toFixed(2)}v${length.toFixed(2)}h${(step * (1 - GAP)).toFixed(2)}v${(-length).toFixed(2)}z`;
    };
    if (share > 0) positive += bar(0, share * tall);
    if (share < 1) negative += bar(share * tall, tall);
  }
  return [positive, negative];
}

function outline({ frame, middle, kind, unit, most }, edges, total, sign) {
  const step = frame.width / (edges.length - 1);
  let path = `M${frame.left} ${middle.toFixed(2)}`;
  for (let bin = 0; bin < edges.length - 1; bin++) {
    const tall = Math.min(most, kind.tall(edges[bin] - edges[bin + 1], total) * unit);
    path += `V${(middle + sign * tall).toFixed(2)}H${(frame.left + step * (bin + 1)).toFixed(2)}`;
  }
  return `${path}V${middle.toFixed(2)}`;
}

// While epochs are played, bars move from one epoch to the next.
export const animated = true;

function drawn({ frame, film, model, counts, t, at, part }) {
  const { kind } = model.axis;
  if (!part) return { ...frame.bins[kind], counts };
  const next = film.frames[at + 1];
  const then = countsAt({ ...model, points: next.points, window: null }, t);
  const [tp, fp] = ["tp", "fp"].map((side) => between(frame.bins[kind][side], next.bins[kind][side], part));
  return { tp, fp, counts: { tp: counts.tp + part * (then.tp - counts.tp), fp: counts.fp + part * (then.fp - counts.fp) } };
}

export function paint(state) {
  const { find, model, counts, t, film, data } = state;
  const { frame } = state.bars;
  const edges = drawn(state);
  const [tp, fn] = bars(state.bars, edges.tp, film.positives, edges.counts.tp, -1);
  const [fp, tn] = bars(state.bars, edges.fp, film.negatives, edges.counts.fp, 1);
  for (const [name, path] of Object.entries({ tp, fn, fp, tn })) find(`.scores path.${name}`).setAttribute("d", path);
  const bound = state.known || !model.bound ? "" : ` · counts within ${percent(model.bound, 1)} of a class`;
  say(find(".axis-name"), `${model.axis.kind === "score" ? "score" : "score (probability)"}${bound}`);
  const share = place(model.axis, t);
  const x = frame.left + share * frame.width;
  find(".line").style.transform = `translateX(${x.toFixed(2)}px)`;
  for (const label of state.labels) beside(label, share);
  const asLogit = model.axis.kind === "score" || t === Infinity ? "" : ` (logit ${ofLogit(t)})`;
  const predicted = model.rows ? percent(counts.tp + counts.fp, model.rows) : "none";
  const handle = find(".handle");
  handle.setAttribute("aria-valuenow", Math.min(t, model.axis.high));
  handle.setAttribute("aria-valuetext", `${short(t)}${asLogit}, ${predicted} of rows predicted ${data.label}`);
}

// A mark's label stands on the side where the threshold does not, as far as there is room.
function beside(label, share) {
  const side = label.share < 0.2 || (label.share < 0.8 && share < label.share) ? "start" : "end";
  if (label.side === side) return;
  label.side = side;
  label.node.setAttribute("x", label.x + (side === "start" ? 6 : -6));
  label.node.setAttribute("text-anchor", side);
}
