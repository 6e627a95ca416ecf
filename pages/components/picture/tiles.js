// Metrics at the threshold, each with its value before beneath; those that no threshold moves stand apart.

import { METRICS, percent, rate, short, why } from "./model.js";
import { say } from "./svg.js";

export const AT_THRESHOLD = ["precision", "recall", "f1", "predicted_positive", "specificity", "mcc"];
export const AT_ANY = ["average_precision", "roc_auc"];

const PREVIOUS = "Before: the previous run.";

const tile = (name) => `<div class="tile ${name}"><span class="what"></span><b></b><span class="beneath"></span></div>`;

export const html = [...AT_THRESHOLD, ...AT_ANY].map(tile).join("");

export function lay({ find, data }) {
  for (const name of [...AT_THRESHOLD, ...AT_ANY]) {
    say(find(`.tile.${name} .what`), data.metrics[name].label);
    find(`.tile.${name}`).title = data.metrics[name].help;
  }
}

export function paint(state) {
  const { find, counts, frame, model } = state;
  const show = (name, value, beneath, reason = "") => {
    say(find(`.tile.${name} b`), value);
    say(find(`.tile.${name} .beneath`), beneath);
    find(`.tile.${name} .beneath`).title = reason;
  };
  for (const name of AT_THRESHOLD) {
    if (name === "predicted_positive") {
      const share = (part) => (model.rows ? percent(part, model.rows) : "–");
      show(name, share(counts.tp + counts.fp), `actual ${share(model.positives)}`);
      continue;
    }
    const now = METRICS[name](counts);
    if (Number.isNaN(now)) show(name, "–", "undefined", `Undefined: ${why(name, counts)}.`);
    else show(name, rate(now), earlier(state, METRICS[name]), !state.saved && state.before ? PREVIOUS : "");
  }
  for (const name of AT_ANY) {
    const [now, then] = [frame[name], state.saved ? undefined : state.before?.frame[name]];
    const known = Number.isFinite(then);
    show(name, now === null ? "–" : rate(now), known ? `${rate(then)} before` : "any threshold", known ? PREVIOUS : "");
  }
}

// The value at the saved threshold or, until one is saved, that of the previous run.
function earlier({ before, saved, t }, metric) {
  if (saved) return saved.t === t ? "saved" : `${plain(metric(saved.counts))} at ${short(saved.t)}`;
  return before ? `${plain(metric(before.counts))} before` : "";
}

const plain = (value) => (Number.isNaN(value) ? "–" : rate(value));
