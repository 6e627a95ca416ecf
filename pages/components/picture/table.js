// A row a class or label: a small histogram with its threshold to drag, the threshold as a number, precision, recall, F1
// and support; averages below. The name of a row opens it alone.

import { ofLogit, parsed, place, rate, scoreAt, short, whole, written } from "./model.js";
import { isOf } from "./decisions.js";
import { segments } from "./fields.js";
import { say, write } from "./svg.js";
import { act, busy, REST } from "./threshold.js";

const STEPS = 1000; // of a slider
const FEW = 20; // rows up to which there is nothing to search
const GAP = 0.12; // of a bin, between bars
const ROOM = 0.92; // of the height, for the tallest bar
const AXES = [["probability", "probability"], ["logit", "logit"]];
const RATES = [["precision", "Precision", "Prec."], ["recall", "Recall", "Rec."], ["f1", "F1", "F1"]];
const ORDERS = {
  given: ["in their order", () => 0],
  worst: ["lowest F1 first", (state, c) => (Number.isNaN(state.counts.columns[c].f1) ? 2 : state.counts.columns[c].f1)],
  rarest: ["smallest support first", (state, c) => state.film.support[c]],
};

export const html = `
  <div class="row">
    <b class="heading"></b>
    <span class="search" hidden><input type="search" class="find" /><select class="order" aria-label="Order">${
  Object.entries(ORDERS).map(([name, [label]]) => `<option value="${name}">${label}</option>`).join("")}</select></span>
    <span class="buttons">
      <span class="segments parts" role="group" aria-label="Rows"></span>
      <span class="segments axes" role="group" aria-label="Axis of the scores"></span>
      <button type="button" class="tune">Tune all</button>
      <button type="button" class="undo">Undo</button>
      <button type="button" class="save">Save</button>
    </span>
  </div>
  <p class="said" role="status"></p>
  <p class="sampled"></p>
  <div class="listed"><table>
    <caption class="unseen"></caption>
    <thead><tr>
      <th scope="col" class="who"></th>
      <th scope="col" class="mini"><span class="unseen">Scores</span><span class="ticks" aria-hidden="true"></span></th>
      <th scope="col" class="t"><span class="long">Threshold</span><span class="short">Thresh.</span></th>
      <th scope="col" class="z">Logit</th>${RATES.map(([name, label, short]) =>
    `<th scope="col" class="${name}"><span class="long">${label}</span><span class="short">${short}</span></th>`).join("")}
      <th scope="col" class="support">Support</th>
    </tr></thead>
    <tbody></tbody><tfoot></tfoot>
  </table></div>
  <svg class="patterns" width="0" height="0" aria-hidden="true"><defs>
    <pattern id="hatched-positive" class="positive" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="2.2" height="5" /></pattern>
    <pattern id="hatched-negative" class="negative" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="2.2" height="5" /></pattern>
  </defs></svg>`;

const ROW = `
  <th scope="row" class="who"><button type="button" class="open"></button></th>
  <td class="mini"><span class="small plot still">
    <svg aria-hidden="true">
      <path class="fn" fill="url(#hatched-positive)" /><path class="tp" />
      <path class="fp" fill="url(#hatched-negative)" /><path class="tn" /><path class="outline" /><path class="axis" /><path class="ghost" /><path class="best" />
    </svg>
    <input type="range" class="slider" min="0" max="${STEPS}" step="1" />
  </span></td>
  <td class="t"><input class="t" inputmode="decimal" spellcheck="false" autocomplete="off" /></td>
  <td class="z"></td>${RATES.map(([name]) => `<td class="${name}"></td>`).join("")}<td class="support"></td>`;

export function mount(state) {
  const { find } = state;
  const list = find(".listed tbody");
  const of = ({ target }) => [...list.children].find((line) => line.contains(target))?.column;
  list.addEventListener("click", (event) => {
    if (event.target.closest(".open")) act(state, "open", of(event));
  });
  list.addEventListener("input", (event) => {
    const { target } = event;
    if (!target.matches(".slider")) return (state.typing = target);
    move(state, of(event), atStep(state, target.valueAsNumber));
    if (!state.held) state.timer = setTimeout(() => rest(state), REST);
  });
  list.addEventListener("pointerdown", ({ target }) => (state.held = target.matches(".slider")));
  list.addEventListener("change", (event) => {
    if (!event.target.matches(".slider")) return typed(state, event.target, of(event));
    if (state.held) rest(state); // let go
    state.held = false;
  });
  list.addEventListener("keydown", ({ target, key }) => {
    state.held = false;
    if (target.matches("input.t") && key === "Enter") target.blur();
    if (key !== "Escape") return;
    state.typing = undefined;
    if (state.moving) takeBack(state);
    state.request();
  });
  list.addEventListener("focusin", ({ target }) => target.matches("input.t") && target.select());
  list.addEventListener("focusout", () => {
    state.typing = undefined;
    state.request();
  });
  for (const [selector, kind] of [[".tune", "tune"], [".undo", "undo"], [".save", "save_all"]]) {
    find(selector).addEventListener("click", ({ target }) => {
      if (target.getAttribute("aria-disabled") === "true") return;
      if (kind === "undo" && state.moving) takeBack(state);
      act(state, kind, null);
    });
  }
  find(".parts").addEventListener("click", ({ target }) => {
    if (target.value && target.value !== state.data.part) act(state, "part", target.value);
  });
  find(".axes").addEventListener("click", ({ target }) => {
    if (!target.value || target.value === state.axis) return;
    state.axis = target.value;
    act(state, "axis", state.axis);
    state.request({ lay: true });
  });
  for (const selector of [".find", ".order"]) find(selector).addEventListener("input", () => arrange(state));
}

// --- moving

// Thresholds are those of the last epoch, which a movement shows.
function move(state, c, t) {
  if (state.moving && state.column !== c) rest(state);
  Object.assign(state, { column: c, t, moving: true, said: "", playing: false });
  state.thresholds[c] = t;
  busy(state);
  const last = state.film.frames.length - 1;
  state.request({ lay: state.at !== last });
  state.at = last;
  clearTimeout(state.timer);
}

function rest(state) {
  clearTimeout(state.timer);
  state.timer = undefined;
  if (state.moving) act(state, "drag", state.t);
}

function takeBack(state) {
  clearTimeout(state.timer);
  state.timer = undefined;
  state.moving = false;
  state.thresholds = [...state.rest];
}

function typed(state, field, c) {
  const text = field.value.trim();
  state.typing = undefined;
  const above = /^above/i.test(text);
  const t = above ? Infinity : parsed(text);
  const { low, high, kind } = state.film.axes[state.axis];
  if (!above && !(t >= low && t <= high)) {
    const what = kind === "score" ? "a score" : "a probability";
    state.said = `Expected ${what} in [${written(low, Number)}, ${written(high, Number)}], but got ${text || "nothing"}.`;
    return state.request();
  }
  move(state, c, t);
  act(state, "type", t);
}

const atStep = ({ film, axis }, step) => scoreAt(film.axes[axis], step / STEPS, 1 / STEPS);

// --- laying out

export function lay(state) {
  const { find, film, data } = state;
  const { noun } = data;
  segments(find(".parts"), data.parts.map((part) => [part, part]), data.part);
  segments(find(".axes"), Object.keys(film.axes).length > 1 ? AXES : [], state.axis);
  say(find(".heading"), `All ${noun.plural}`);
  say(find("caption"), `All ${noun.plural}: scores, threshold, precision, recall, F1 and support of each`);
  say(find("thead .who"), noun.title);
  const tune = find(".tune");
  tune.hidden = !data.tune;
  if (data.tune) {
    say(tune, data.tune.label);
    tune.title = data.tune.help;
  }
  say(find(".sampled"), film.shown < film.rows
    ? `While a threshold moves, numbers are of ${whole(film.shown)} evenly spaced rows of ${whole(film.rows)}.` : "");
  find(".search").hidden = film.names.length <= FEW;
  ticks(find(".listed .ticks"), film.axes[state.axis]);
  for (const name of ["placeholder", "aria-label"]) find(".find").setAttribute(name, `Find a ${noun.single}`);
  const key = JSON.stringify([film.names, film.support, data.averages]);
  if (state.listed === key) return;
  state.listed = key;
  state.lines = film.names.map((name, c) => line(state, name, c));
  find(".listed tbody").replaceChildren(...state.lines.map(({ node }) => node));
  find(".listed tfoot").replaceChildren(...data.averages.map(average));
  state.frames.delete("small");
}

// The ends and the middle of the axis.
function ticks(node, axis) {
  const last = axis.ticks.length - 1;
  const middle = axis.ticks.find(([, text]) => text === "0.5") ?? axis.ticks[Math.round(last / 2)];
  const shown = last < 2 ? axis.ticks : [axis.ticks[0], middle, axis.ticks[last]];
  node.replaceChildren(...shown.map(([score, text]) => {
    const word = document.createElement("span");
    word.textContent = text;
    word.style.left = `${(100 * place(axis, score)).toFixed(1)}%`;
    return word;
  }));
}

function line({ film, data }, name, c) {
  const node = document.createElement("tr");
  node.innerHTML = ROW;
  node.column = c;
  const cells = new Map();
  const cell = (selector) => {
    if (!cells.has(selector)) cells.set(selector, node.querySelector(selector));
    return cells.get(selector);
  };
  cell(".open").textContent = name;
  cell(".open").title = `${name}: show this ${data.noun.single} alone`;
  cell(".slider").setAttribute("aria-label", `Threshold of ${name}`);
  cell("input.t").setAttribute("aria-label", `Threshold of ${name} as a number`);
  cell("td.support").textContent = whole(film.support[c]);
  return { node, cell };
}

// For how many classes or labels a number is undefined, which a mean leaves out.
function leftOut({ counts: { columns } }) {
  const undefinedOf = RATES.map(([name]) => [name === "f1" ? "F1" : name, columns.filter((column) => Number.isNaN(column[name])).length]);
  const told = undefinedOf.filter(([, count]) => count).map(([label, count]) => `${label} ${count}`);
  return told.length ? `Undefined: ${told.join(", ")} of ${columns.length}` : "";
}

function average({ label, help, ids, mean }) {
  const node = document.createElement("tr");
  node.innerHTML = `<th scope="row" class="who"></th><td class="mini"><span class="undefined"></span></td><td class="t"></td><td class="z"></td>${
    RATES.map(([name]) => `<td class="${name}"></td>`).join("")}<td class="support"></td>`;
  node.firstChild.textContent = label;
  node.title = help;
  Object.assign(node, { ids, mean });
  return node;
}

// Which rows are listed, and in what order; not while one of them moves.
function arrange(state) {
  const { find, film, lines } = state;
  const wanted = find(".find").value.trim().toLowerCase();
  const [, key] = ORDERS[find(".order").value];
  film.names.forEach((name, c) => (lines[c].node.hidden = !name.toLowerCase().includes(wanted)));
  const order = film.names.map((_, c) => c).sort((a, b) => key(state, a) - key(state, b));
  const list = find(".listed tbody");
  if (order.some((c, at) => list.children[at] !== lines[c].node)) list.replaceChildren(...order.map((c) => lines[c].node));
}

// --- drawing

// The size of a small histogram, measured again when the picture changes its size.
function measured({ frames, lines }) {
  if (!frames.has("small")) {
    const { clientWidth: width, clientHeight: height } = (lines.find(({ node }) => !node.hidden) ?? lines[0]).cell("svg");
    frames.set("small", { width, height });
  }
  return frames.get("small");
}

export function paint(state) {
  const { find, counts, data, film, lines, moving, thresholds } = state;
  const frame = measured(state);
  const axis = film.axes[state.axis];
  if (state.last && state.binned?.axis !== axis) state.binned = binned(film, axis);
  for (const [c, { cell }] of lines.entries()) {
    const t = thresholds[c];
    if (state.typing !== cell("input.t")) write(cell("input.t"), t === Infinity ? "above all" : short(t));
    cell("input.t").title = t === Infinity ? "above every score" : written(t, film.round);
    say(cell("td.z"), axis.kind === "score" ? "–" : ofLogit(t));
    for (const [name] of RATES) {
      const value = counts.columns[c][name];
      say(cell(`td.${name}`), Number.isNaN(value) ? "–" : rate(value));
      cell(`td.${name}`).title = Number.isNaN(value) ? "undefined" : "";
    }
    const slider = cell(".slider");
    slider.value = Math.round(place(axis, t) * STEPS);
    if (frame.width > 0) draw(state, c, frame, axis);
  }
  for (const row of find(".listed tfoot").children) {
    if (row.mean) {
      say(row.querySelector(".undefined"), leftOut(state));
      row.querySelector(".undefined").title = leftOut(state);
    }
    RATES.forEach(([name], at) => {
      const value = counts.totals[row.ids[at]];
      say(row.querySelector(`.${name}`), value === undefined ? "" : Number.isNaN(value) ? "–" : rate(value));
    });
  }
  say(find(".said"), state.said ?? "");
  find(".undo").setAttribute("aria-disabled", !data.undo && !moving);
  find(".save").setAttribute("aria-disabled", Boolean(state.before) && thresholds.every((t, c) => t === state.before.thresholds[c]));
  if (!moving && !state.pending) arrange(state);
}

// What a slider says to those who cannot see it, once it has come to rest.
export function describe({ counts, lines, thresholds }) {
  for (const [c, { cell }] of lines.entries()) {
    const { precision, recall, f1 } = counts.columns[c];
    cell(".slider").setAttribute("aria-valuetext",
      `${short(thresholds[c])}, precision ${rate(precision)}, recall ${rate(recall)}, F1 ${rate(f1)}`);
  }
}

// The bin of each score, (C * shown).
function binned({ scores, frames }, axis) {
  const bins = frames.at(-1).bins[axis.kind][0][0].length;
  return { axis, bins, at: Uint8Array.from(scores, (score) => Math.min(bins - 1, Math.floor(place(axis, score) * bins))) };
}

// Rows of the class up and all others down, those predicted to be of it next to the axis. Of earlier epochs only the
// actual class is known.
function draw(state, c, { width, height }, axis) {
  const { frame, last, lines, before, thresholds } = state;
  const { cell } = lines[c];
  const sides = last ? outcomes(state, c) : frame.bins[axis.kind][c].map((rows, is) => ({ rows, called: is ? rows : rows.map(() => 0) }));
  const tall = sides.map(({ rows }) => {
    const all = rows.reduce((total, one) => total + one, 0) || 1;
    return rows.map((count) => Math.sqrt(count / all));
  });
  const unit = (ROOM * height) / 2 / (Math.max(...tall[0], ...tall[1]) || 1);
  const [middle, step] = [height / 2, width / tall[0].length];
  const paths = [["", ""], ["", ""]]; // actual class, then predicted
  for (const is of [0, 1]) {
    const sign = is ? -1 : 1;
    tall[is].forEach((share, bin) => {
      if (!share) return;
      const full = share * unit;
      const split = (full * sides[is].called[bin]) / sides[is].rows[bin];
      const x = (step * (bin + GAP / 2)).toFixed(1);
      const bar = (from, to) => (to - from < 0.05 ? "" :
        `M${x} ${(middle + sign * from).toFixed(1)}v${(sign * (to - from)).toFixed(1)}h${(step * (1 - GAP)).toFixed(1)}v${(-sign * (to - from)).toFixed(1)}z`);
      paths[is][1] += bar(0, split);
      paths[is][0] += bar(split, full);
    });
  }
  const [[tn, fp], [fn, tp]] = paths;
  for (const [name, path] of Object.entries({ tn, fp, fn, tp })) cell(`path.${name}`).setAttribute("d", path);
  cell(".axis").setAttribute("d", `M0 ${middle}h${width}`);
  const saved = before && before.thresholds[c] !== thresholds[c];
  const upright = (t) => `M${(place(axis, t) * width).toFixed(1)} 0v${height}`;
  cell(".ghost").setAttribute("d", saved ? upright(before.thresholds[c]) : "");
  const best = state.best?.[c] ?? null;
  cell("path.best").setAttribute("d", best === null ? "" : upright(best));
  cell(".outline").setAttribute("d", outline(state.previous, c, axis, { middle, step, unit }));
}

// The histogram of the previous run, where its axis has the same ends.
function outline(previous, c, { kind, start, end }, { middle, step, unit }) {
  const own = previous?.axes[kind];
  if (own?.start !== start || own.end !== end) return "";
  return previous.bins[kind][c].map((rows, is) => {
    const all = rows.reduce((total, one) => total + one, 0) || 1;
    const steps = rows.map((count, bin) => {
      const right = (step * (bin + 1)).toFixed(1);
      if (!count) return `V${middle}M${right} ${middle}`;
      const tall = Math.min(middle, Math.sqrt(count / all) * unit);
      return `V${(middle + (is ? -tall : tall)).toFixed(1)}H${right}`;
    });
    return `M0 ${middle}${steps.join("")}V${middle}`;
  }).join("");
}

// Rows of each side by bin, and how many of them are predicted to be of the class: negatives, then positives.
function outcomes({ binned: { bins, at }, counts: { called }, film, rows }, c) {
  const sides = [0, 1].map(() => ({ rows: new Array(bins).fill(0), called: new Array(bins).fill(0) }));
  for (let i = 0; i < film.shown; i++) {
    const place = c * film.shown + i;
    const side = sides[Number(isOf(rows, c, i))];
    side.rows[at[place]] += film.weights[i];
    if (called[place]) side.called[at[place]] += film.weights[i];
  }
  return sides;
}
