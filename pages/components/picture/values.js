// A regression: predicted against actual values, residuals, and errors in the target's unit.

import * as loss from "./loss.js";
import * as player from "./player.js";
import { between, ofRows, rate } from "./model.js";
import { frameOf, say, upright, word } from "./svg.js";

export const ERRORS = ["mae", "rmse", "mean_residual", "r2"];
const MARGINS = { left: 54, right: 12, top: 8, bottom: 36 };
const GAP = 0.06; // of a bin, between bars
const ROOM = 1.1; // above the tallest bar

const written = (value) => Number(value.toPrecision(3)).toLocaleString("en-US", { maximumSignificantDigits: 3 }).replace("-", "−");

// While epochs are played, rows and bars move from one epoch to the next.
const moving = ({ film, frame, at, part }, name) => (part ? between(frame[name], film.frames[at + 1][name], part) : frame[name]);

const scatter = {
  animated: true,
  html: `
  <h2>Predicted vs. actual</h2>
  <div class="plot still scatter">
    <svg role="img"><path class="base" /><path class="axis" /><path class="points" /><g class="words"></g></svg>
  </div>`,
  lay(state) {
    const { find, film, data } = state;
    const frame = frameOf(state, ".scatter svg", MARGINS);
    const { left, top, width, height } = frame;
    const share = (value) => (value - film.low) / (film.high - film.low);
    state.scatter = { x: (value) => left + share(value) * width, y: (value) => top + (1 - share(value)) * height };
    find(".scatter .axis").setAttribute("d", `M${left} ${top}V${top + height}h${width}`);
    find(".scatter .base").setAttribute("d", `M${left} ${top + height}L${left + width} ${top}`);
    find(".scatter .words").innerHTML =
      film.ticks.map((tick) => word(state.scatter.x(tick), top + height + 15, written(tick), "middle") +
        word(left - 6, state.scatter.y(tick) + 4, written(tick), "end")).join("") +
      word(left + width / 2, top + height + 31, `actual ${data.target}`, "middle") +
      upright(12, top + height / 2, `predicted ${data.target}`);
  },
  paint(state) {
    const { find, film, frame, scatter: { x, y } } = state;
    const values = moving(state, "predicted");
    let path = ""; // a line of no length with round ends is a dot
    film.actual.forEach((actual, row) => {
      const predicted = Math.min(film.high, Math.max(film.low, values[row]));
      path += `M${x(actual).toFixed(1)} ${y(predicted).toFixed(1)}h0`;
    });
    find(".points").setAttribute("d", path);
    find(".scatter svg").setAttribute("aria-label",
      `Predicted against actual values of ${ofRows(film.rows)} at epoch ${frame.epoch}.`);
  },
};

const residuals = {
  animated: true,
  html: `
  <h2>Residuals, predicted minus actual</h2>
  <div class="plot still residual">
    <svg role="img"><path class="bars positive" /><path class="outline" /><path class="axis" /><path class="cut" /><g class="words"></g></svg>
  </div>`,
  lay(state) {
    const { find, film, before } = state;
    const frame = frameOf(state, ".residual svg", { ...MARGINS, left: 12, bottom: 22 });
    const { left, top, width, height } = frame;
    const across = (value) => left + ((value + film.reach) / (2 * film.reach)) * width;
    find(".residual .axis").setAttribute("d", `M${left} ${top + height}h${width}`);
    find(".residual .cut").setAttribute("d", `M${across(0).toFixed(1)} ${top}v${height}`);
    find(".residual .words").innerHTML =
      film.residual_ticks.map((tick) => word(across(tick), top + height + 15, written(tick), "middle")).join("");
    const unit = height / ROOM / Math.max(1, ...film.frames.at(-1).residuals);
    state.residual = { frame, unit };
    find(".residual .outline").setAttribute("d", before ? steps(before, across, (rows) => top + height - Math.min(height, rows * unit)) : "");
  },
  paint(state) {
    const { find, frame, residual: { frame: { left, top, width, height }, unit } } = state;
    const step = width / frame.residuals.length;
    const path = moving(state, "residuals").map((rows, bin) => {
      const tall = Math.min(height, rows * unit);
      return rows ? `M${(left + step * (bin + GAP / 2)).toFixed(2)} ${(top + height - tall).toFixed(2)}h${(step * (1 - GAP)).toFixed(2)}v${tall.toFixed(2)}h${(-step * (1 - GAP)).toFixed(2)}z` : "";
    }).join("");
    find(".residual .bars").setAttribute("d", path);
    find(".residual svg").setAttribute("aria-label", `Histogram of the residuals at epoch ${frame.epoch}.`);
  },
};

// The residuals of the previous run, in bins of its own width.
function steps({ film: { reach }, frame: { residuals: rows } }, across, up) {
  const edge = (bin) => across(reach * ((2 * bin) / rows.length - 1)).toFixed(2);
  const path = rows.map((count, bin) => `V${up(count).toFixed(2)}H${edge(bin + 1)}`).join("");
  return `M${edge(0)} ${up(0).toFixed(2)}${path}V${up(0).toFixed(2)}`;
}

const errors = {
  html: ERRORS.map((name) =>
    `<div class="tile ${name}"><span class="what"></span><b></b><span class="beneath"></span></div>`).join(""),
  lay({ find, data }) {
    for (const name of ERRORS) {
      say(find(`.tile.${name} .what`), data.metrics[name].label);
      find(`.tile.${name}`).title = data.metrics[name].help;
    }
  },
  paint({ find, frame, before }) {
    for (const name of ERRORS) {
      const [now, then] = [frame.errors[name], before?.frame.errors[name]];
      say(find(`.tile.${name} b`), now === null ? "–" : written(now));
      say(find(`.tile.${name} .beneath`), Number.isFinite(then) ? `${written(then)} before` : "");
    }
  },
};

export const parts = [scatter, residuals, errors, loss, player];

export const html = `
  <div class="left">
    <section class="card control" aria-label="Predicted vs. actual">${scatter.html}</section>
    <section class="tiles" aria-label="Errors">${errors.html}</section>
  </div>
  <div class="right">
    <section class="card matrix" aria-label="Residuals">${residuals.html}</section>
    <div class="card charts"><section class="loss" aria-label="Loss">${loss.html}</section></div>
  </div>`;

export const said = ({ frame }) => `Mean absolute error ${frame.errors.mae === null ? "undefined" : rate(frame.errors.mae)}.`;
