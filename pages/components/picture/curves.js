// Precision-recall, ROC and metrics against threshold, of which one is shown, with the threshold's point on it.

import { METRICS, countsAt, place, scoreAt } from "./model.js";
import { band } from "./histogram.js";
import { RATES, frameOf, mark, point, rateTicks, scoreTicks, upright, word } from "./svg.js";
import { follows } from "./threshold.js";

const LINES = ["precision", "recall", "f1"];
const NAMES = { precision: "precision", recall: "recall", f1: "F1" };
const MARGINS = { left: 38, right: 10, top: 8, bottom: 34 };
const SVG = ".curves svg";

const ofPoint = (xName, yName, x, y) => ({ xName, yName, at: (counts) => [METRICS[x](counts), METRICS[y](counts)] });
const CHARTS = {
  pr: { tab: "Precision-recall", short: "PR", name: "Precision-recall (PR)", ...ofPoint("recall", "precision", "recall", "precision") },
  roc: { tab: "ROC", short: "ROC", name: "ROC", ...ofPoint("false positive rate", "recall", "false_positive_rate", "recall") },
  metrics: { tab: "Metrics", short: "Metrics", name: "Metrics" },
};

const tab = (name, at) => `<button type="button" role="tab" id="tab-${name}" value="${name}" aria-label="${CHARTS[name].name}" aria-controls="curve" tabindex="${at ? -1 : 0}">
  <span class="long">${CHARTS[name].tab}</span><span class="short">${CHARTS[name].short}</span></button>`;

export const html = `
  <div class="tabs" role="tablist" aria-label="Curves">${Object.keys(CHARTS).map(tab).join("")}</div>
  <div class="plot curve" id="curve" role="tabpanel">
    <p class="nothing"></p>
    <svg role="img">
      <rect class="band" />
      <path class="base" />
      <path class="axis" />
      <g class="words"></g>
      <path class="previous" />
      <g class="lines"></g>
      <path class="cut" />
      <g class="dots"></g>
      <g class="labels"></g>
      <circle class="ghost" r="6" />
      <circle class="ring" r="6" />
    </svg>
  </div>`;

export function mount(state) {
  const { find } = state;
  const tabs = [...find(".tabs").children];
  const choose = (button) => {
    state.tab = button.value;
    state.request({ lay: true });
  };
  for (const button of tabs) button.addEventListener("click", () => choose(button));
  find(".tabs").addEventListener("keydown", ({ key }) => {
    const way = { ArrowRight: 1, ArrowLeft: -1 }[key];
    if (!way) return;
    const next = tabs.at((tabs.findIndex(({ value }) => value === state.tab) + way) % tabs.length);
    choose(next);
    next.focus();
  });
  follows(state, find(".plot.curve"), (x, y) => {
    const { left, width } = frameOf(state, SVG, MARGINS);
    return state.tab === "metrics" ? scoreAt(state.model.axis, (x - left) / width, 1 / width) : nearest(state, x, y);
  });
}

// The threshold whose point on the curve is nearest.
function nearest({ curve, model }, x, y) {
  let [best, least] = [undefined, Infinity];
  for (let i = 0; i < curve.xs.length; i++) {
    const far = (curve.xs[i] - x) ** 2 + (curve.ys[i] - y) ** 2; // NaN is never less
    if (far < least) [best, least] = [i, far];
  }
  return best === undefined ? undefined : model.points.thresholds[best];
}

export function lay(state) {
  const { find, element, model, marks } = state;
  for (const button of element.querySelectorAll("[role=tab]")) {
    button.setAttribute("aria-selected", button.value === state.tab);
    button.tabIndex = button.value === state.tab ? 0 : -1;
  }
  find("#curve").setAttribute("aria-labelledby", `tab-${state.tab}`);
  const frame = frameOf(state, SVG, MARGINS);
  const { left, top, width, height } = frame;
  find(".curve .axis").setAttribute("d", `M${left} ${top}V${top + height}h${width}`);
  const metrics = state.tab === "metrics";
  band(find(".curve .band"), frame, model.axis, metrics ? marks : {});
  for (const name of ["dots", "labels", "cut"]) find(`.curve .${name}`).style.display = metrics ? "" : "none";
  (metrics ? layMetrics : layCurve)(state, frame);
}

function layCurve(state, frame) {
  const { find, model, before, saved } = state;
  const { left, top, width, height } = frame;
  const { at, xName, yName } = CHARTS[state.tab];
  const floor = top + height;
  state.curve = trace(frame, model, at, state.tab === "roc");
  find(".lines").innerHTML = `<path d="${state.curve.path}" />`;
  find(".previous").setAttribute("d", before ? trace(frame, before.model, at, state.tab === "roc").path : "");
  const lacking = model.positives ? (model.negatives ? "" : "negative") : "positive";
  find(".nothing").textContent = state.curve.path ? "" : !model.rows ? "There are no rows."
    : `There is no curve: no row is ${lacking}, so ${lacking === "positive" ? "recall" : xName} is undefined.`;
  find(".curve .words").innerHTML = rateTicks(frame) +
    RATES.map((value) => word(point(frame, value, 0)[0], floor + 14, value, "middle")).join("") +
    word(left + width / 2, floor + 28, xName, "middle") + upright(12, top + height / 2, yName);
  const prevalence = model.rows ? point(frame, 0, model.positives / model.rows)[1] : floor;
  find(".curve .base").setAttribute("d", !state.curve.path ? "" : state.tab === "pr"
    ? `M${left} ${prevalence.toFixed(1)}h${width}` : `M${left} ${floor}L${left + width} ${top}`);
  mark(find(".curve .ghost"), frame, before ? at(before.counts) : saved ? at(saved.counts) : [NaN, NaN]);
}

// A curve from the highest threshold down; what moves less than half a pixel is left out.
function trace(frame, { points, positives, negatives }, at, fromOrigin) {
  const { thresholds, tp, fp } = points;
  const xs = new Float64Array(thresholds.length);
  const ys = new Float64Array(thresholds.length);
  let [path, lastX, lastY] = ["", NaN, NaN];
  const add = ([x, y]) => {
    if (Number.isNaN(x + y) || (Math.abs(x - lastX) <= 0.4 && Math.abs(y - lastY) <= 0.4)) return;
    path += `${path ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    [lastX, lastY] = [x, y];
  };
  if (fromOrigin && thresholds.length) add(point(frame, ...at({ tp: 0, fp: 0, fn: positives, tn: negatives })));
  for (let i = thresholds.length - 1; i >= 0; i--) {
    const where = point(frame, ...at({ tp: tp[i], fp: fp[i], fn: positives - tp[i], tn: negatives - fp[i] }));
    [xs[i], ys[i]] = where;
    add(where);
  }
  return { path, xs, ys };
}

function layMetrics(state, frame) {
  const { find, model } = state;
  const { left, top, width, height } = frame;
  const paths = LINES.map((metric) => steps(frame, model, METRICS[metric]));
  find(".lines").innerHTML = paths.map((d) => `<path d="${d}" />`).join("");
  find(".previous").setAttribute("d", "");
  find(".curve .base").setAttribute("d", "");
  find(".nothing").textContent = paths.some(Boolean) ? "" : "Undefined everywhere: there are no rows.";
  find(".curve .words").innerHTML = scoreTicks(model.axis, frame) + rateTicks(frame) +
    word(left + width / 2, top + height + 28, "threshold", "middle");
  find(".curve .labels").innerHTML = labels(frame, model);
  find(".dots").innerHTML = LINES.map(() => `<circle r="3.5" />`).join("");
  mark(find(".curve .ghost"), frame, [NaN, NaN]);
}

// A metric at every threshold, which only changes at the scores; what moves less than half a pixel is left out.
function steps(frame, { points, positives, negatives, axis }, metric) {
  const { thresholds, tp, fp } = points;
  let [path, lastX, lastY, x] = ["", NaN, NaN, frame.left];
  for (let i = 0; i <= thresholds.length; i++) {
    const [t, f] = i < thresholds.length ? [tp[i], fp[i]] : [0, 0];
    const value = metric({ tp: t, fp: f, fn: positives - t, tn: negatives - f });
    const end = frame.left + (i < thresholds.length ? place(axis, thresholds[i]) : 1) * frame.width;
    const y = point(frame, 0, value)[1];
    if (Number.isNaN(value)) lastX = NaN;
    else if (Number.isNaN(lastX)) path += `M${x.toFixed(1)} ${y.toFixed(1)}H${end.toFixed(1)}`;
    else if (Math.abs(end - lastX) > 0.5 || Math.abs(y - lastY) > 0.5 || i >= thresholds.length) {
      path += `V${y.toFixed(1)}H${end.toFixed(1)}`;
    } else {
      x = end;
      continue;
    }
    [lastX, lastY, x] = Number.isNaN(value) ? [NaN, NaN, end] : [end, y, end];
  }
  return path;
}

// Each line's name above it, where the line is level and no other line or name is near.
function labels(frame, model) {
  const shares = Array.from({ length: 41 }, (_, at) => at / 40);
  const heights = shares.map((share) => {
    const counts = countsAt(model, scoreAt(model.axis, share, 1 / frame.width));
    return LINES.map((metric) => point(frame, 0, METRICS[metric](counts))[1]);
  });
  const reach = Math.min(19, Math.ceil((28 / frame.width) * 40)); // half a name's width
  const taken = [];
  return LINES.map((metric, line) => {
    let [best, most] = [undefined, -Infinity];
    for (let at = reach; at <= 40 - reach; at++) {
      const own = heights[at][line];
      const y = own < frame.top + 20 ? own + 15 : own - 6; // below a line at the top
      const near = heights.slice(at - reach, at + reach + 1);
      const bent = Math.max(...near.map((all) => Math.abs(all[line] - own)));
      const gaps = near.flatMap((all) => all.filter((_, other) => other !== line).map((other) => Math.abs(other - y + 4)));
      const covered = taken.some(([x, other]) => Math.abs(x - at) <= 2 * reach && Math.abs(other - y) < 14);
      const room = Math.min(24, ...gaps.filter((gap) => gap >= 0)) - bent - (covered ? 1e3 : 0);
      if (room > most) [best, most] = [[at, y], room];
    }
    if (!best) return "";
    taken.push(best);
    return word(point(frame, best[0] / 40, 0)[0], best[1], NAMES[metric], "middle");
  }).join("");
}

export function paint(state) {
  const { find, model, counts, t } = state;
  const frame = frameOf(state, SVG, MARGINS);
  if (state.tab !== "metrics") return mark(find(".ring"), frame, CHARTS[state.tab].at(counts));
  mark(find(".ring"), frame, [NaN, NaN]);
  const share = place(model.axis, t);
  find(".cut").setAttribute("d", `M${(frame.left + share * frame.width).toFixed(2)} ${frame.top}v${frame.height}`);
  [...find(".dots").children].forEach((dot, at) => mark(dot, frame, [share, METRICS[LINES[at]](counts)]));
}

// What the curve says, in words.
export function described({ tab, counts }, at) {
  const value = (name) => `${NAMES[name] ?? name.replaceAll("_", " ")} ${Number.isNaN(METRICS[name](counts)) ? "undefined" : METRICS[name](counts).toFixed(3)}`;
  if (tab === "pr") return `Precision-recall curve. At ${at}: ${["precision", "recall", "f1"].map(value).join(", ")}.`;
  if (tab === "roc") return `ROC curve. At ${at}: ${["recall", "false_positive_rate"].map(value).join(", ")}.`;
  return `Metrics against threshold. At ${at}: ${LINES.map(value).join(", ")}.`;
}
