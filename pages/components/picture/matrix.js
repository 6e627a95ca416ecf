// The confusion matrix: wrong cells are hatched, and a cell that is pressed asks for its rows.

import { percent, whole } from "./model.js";
import { say } from "./svg.js";
import { act } from "./threshold.js";

const CELLS = {
  tn: ["negative", "true negative"], fp: ["negative wrong", "false positive"],
  fn: ["positive wrong", "false negative"], tp: ["positive", "true positive"],
};

const cell = (name) => `<td class="${CELLS[name][0]}"><button type="button" class="cell" value="${name}">
  <b class="${name}"></b><small><abbr title="${CELLS[name][1]}">${name.toUpperCase()}</abbr> · <span class="${name}-share"></span></small></button></td>`;

export const html = `
  <table>
    <thead><tr><td></td><th scope="col" class="predicted-rest"></th><th scope="col" class="predicted-label"></th></tr></thead>
    <tbody>
      <tr><th scope="row" class="actual-rest"></th>${cell("tn")}${cell("fp")}</tr>
      <tr><th scope="row" class="actual-label"></th>${cell("fn")}${cell("tp")}</tr>
    </tbody>
  </table>`;

export function mount(state) {
  for (const button of state.element.querySelectorAll(".cell")) {
    button.addEventListener("click", () => act(state, button.value, state.frame.epoch));
  }
}

export function lay({ find, element, data }) {
  for (const side of ["actual", "predicted"]) {
    for (const kind of ["label", "rest"]) say(find(`.${side}-${kind}`), `${side} ${data[kind]}`);
  }
  for (const button of element.querySelectorAll(".cell")) {
    button.disabled = !data.asks;
    button.title = data.asks ? `Show the rows: ${CELLS[button.value][1]}` : "";
  }
}

export function paint({ find, counts }) {
  const { tp, fp, fn, tn } = counts;
  for (const [name, count, row] of [["tn", tn, tn + fp], ["fp", fp, tn + fp], ["fn", fn, tp + fn], ["tp", tp, tp + fn]]) {
    say(find(`.cell .${name}`), whole(count));
    say(find(`.${name}-share`), row ? percent(count, row) : "no row");
  }
}
