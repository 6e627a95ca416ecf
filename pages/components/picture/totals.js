// What all thresholds come to together, as tiles; beneath each the difference to the saved thresholds.

import { change, rate, whole } from "./model.js";
import { say } from "./svg.js";

const WRITTEN = { rate, count: whole, mean: (value) => (Number.isNaN(value) ? "undefined" : value.toFixed(2)) };

export const html = "";

export function lay(state) {
  const { element, data } = state;
  const section = element.querySelector(".of-all");
  if (section.children.length === data.totals.length) return;
  section.replaceChildren(...data.totals.map(({ label, help }) => {
    const tile = document.createElement("div");
    tile.className = "tile";
    tile.title = help;
    tile.innerHTML = '<span class="what"></span><b></b><span class="beneath"></span>';
    tile.firstChild.textContent = label;
    return tile;
  }));
}

export function paint(state) {
  const { element, counts, data } = state;
  const tiles = element.querySelectorAll(".of-all .tile");
  data.totals.forEach((total, at) => {
    const value = counts.totals[total.id];
    say(tiles[at].querySelector("b"), WRITTEN[total.kind](value));
    say(tiles[at].querySelector(".beneath"), beneath(state, total, value));
  });
}

function beneath({ before, counts: { totals }, last }, { id, kind, under }, value) {
  if (under === "true") return `actual ${WRITTEN.mean(totals.cardinality_true)}`;
  if (under === "changes") {
    return value ? `${whole(totals.righted)} now correct, ${whole(totals.wronged)} now wrong` : "";
  }
  if (!before || !last) return "";
  const then = before.totals[id];
  if (kind === "rate") return value === then ? "saved" : change(value, then);
  return value === then ? "saved" : `${WRITTEN[kind](then)} saved`;
}
