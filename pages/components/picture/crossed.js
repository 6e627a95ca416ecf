// The confusion matrix of several classes: wrong cells are hatched, and a cell that is pressed asks for its rows.
//
// One cell is reached by Tab, the others from there with the arrow keys. Of many classes the largest wrong cells are
// listed.

import { percent, whole } from "./model.js";
import { segments } from "./fields.js";
import { say } from "./svg.js";
import { act } from "./threshold.js";

const NUMBERS = [["none", "counts"], ["row", "by row"], ["column", "by column"]];
const MOST = 30; // classes up to which all cells are shown; of more the wrong cells with the most rows
const LISTED = 50; // of those
const STEPS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };

export const html = `
  <div class="row">
    <h2>Confusion matrix</h2><span class="sign rule"></span>
    <span class="segments normalise" role="group" aria-label="Numbers in the cells"></span>
  </div>
  <div class="crossed"><table>
    <caption class="unseen">Rows by actual class (down) and predicted class (across)</caption>
    <colgroup><col class="first" /></colgroup><thead></thead><tbody></tbody>
  </table></div>`;

export function mount(state) {
  const { find } = state;
  state.normalise = "none";
  find(".normalise").addEventListener("click", ({ target }) => {
    if (!target.value) return;
    state.normalise = target.value;
    state.request({ lay: true });
  });
  find(".crossed").addEventListener("click", ({ target }) => {
    const cell = target.closest(".cell");
    if (cell?.ariaDisabled === "false") act(state, "cell", `${cell.value}@${state.frameOfMatrix.epoch}`);
  });
  find(".crossed").addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    const cell = event.target.closest(".cell");
    if (!step || !cell || isLong(state)) return;
    event.preventDefault();
    const { rows, columns } = size(state);
    const [row, column] = [Math.floor(cell.value / (rows + 1)) + step[0], (cell.value % (rows + 1)) + step[1]];
    if (row < 0 || column < 0 || row >= rows || column >= columns) return;
    const next = state.cells[row * columns + column].button;
    cell.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}

const isLong = ({ film }) => film.names.length > MOST;
const size = ({ film, data }) => ({ rows: film.names.length, columns: film.names.length + data.none });

export function lay(state) {
  const { find, film, data } = state;
  segments(find(".normalise"), NUMBERS, state.normalise);
  say(find(".sign.rule"), data.rule_label);
  const key = JSON.stringify([film.names, data.none]);
  if (state.crossed === key) return;
  state.crossed = key;
  state.cells = isLong(state) ? list(state) : grid(state);
}

const elements = (kind, ...inner) => inner.map((html) => Object.assign(document.createElement(kind), { innerHTML: html }));

const button = (value, reached) => `<button type="button" class="cell" value="${value}" tabindex="${reached ? 0 : -1}"></button>`;

function grid(state) {
  const { find, film } = state;
  const { rows, columns } = size(state);
  const predicted = [...film.names, "none"].slice(0, columns);
  const heading = (name, scope) => Object.assign(document.createElement("th"), { scope, textContent: name, title: name });
  const [above, head] = elements("tr", `<td></td><td colspan="${columns}" aria-hidden="true">predicted</td>`,
    '<td><span aria-hidden="true">actual</span></td>');
  head.append(...predicted.map((name) => heading(name, "col")));
  if (columns > rows) head.lastChild.title = "no class";
  find(".crossed thead").replaceChildren(above, head);
  find(".crossed colgroup").replaceChildren(find(".crossed .first"), ...elements("col", ...predicted.map(() => "")));
  const cells = [];
  find(".crossed tbody").replaceChildren(...film.names.map((name, row) => {
    const boxes = elements("td", ...predicted.map((_, column) => button(row * (rows + 1) + column, !row && !column)));
    boxes.forEach((box, column) => (box.className = row === column ? "positive" : "negative wrong"));
    cells.push(...boxes.map((box) => ({ box, button: box.firstChild })));
    const [line] = elements("tr", "");
    line.append(heading(name, "row"), ...boxes);
    return line;
  }));
  return cells;
}

function list({ find }) {
  find(".crossed thead").innerHTML = '<tr><th scope="col">Actual</th><th scope="col">Predicted</th><th scope="col">Rows</th></tr>';
  find(".crossed colgroup").replaceChildren(...elements("col", "", "", ""));
  const lines = elements("tr", ...Array(LISTED).fill(`<th scope="row"></th><td class="other"></td><td class="negative wrong">${button(0, true)}</td>`));
  find(".crossed tbody").replaceChildren(...lines);
  return lines.map((line) => ({ line, box: line.lastChild, button: line.querySelector("button") }));
}

export function paint(state) {
  const { counts, film, frame, moments } = state;
  if (!state.exact) return; // not of all rows
  const matrix = counts.matrix ?? moments.at(-1).matrix; // of many classes only that of the last epoch is known
  state.frameOfMatrix = counts.matrix ? frame : film.frames.at(-1);
  const { rows, columns } = size(state);
  const at = (row, column) => matrix[row * (rows + 1) + column];
  const sums = {
    row: film.names.map((_, row) => sum(columns, (column) => at(row, column))),
    column: Array.from({ length: columns }, (_, column) => sum(rows, (row) => at(row, column))),
  };
  if (!isLong(state)) {
    state.cells.forEach((cell, index) => {
      const [row, column] = [Math.floor(index / columns), index % columns];
      write(state, cell, at(row, column), sums, row, column);
    });
    return;
  }
  const wrong = [];
  matrix.forEach((count, place) => {
    const [row, column] = [Math.floor(place / (rows + 1)), place % (rows + 1)];
    if (count && row !== column) wrong.push({ count, row, column });
  });
  wrong.sort((a, b) => b.count - a.count);
  state.cells.forEach((cell, index) => {
    cell.line.hidden = index >= wrong.length;
    if (cell.line.hidden) return;
    const { count, row, column } = wrong[index];
    cell.button.value = row * (rows + 1) + column;
    say(cell.line.firstChild, film.names[row]);
    say(cell.line.children[1], film.names[column] ?? "no class");
    write(state, cell, count, sums, row, column);
  });
}

function write({ data, film, normalise }, cell, count, sums, row, column) {
  const all = { none: 0, row: sums.row[row], column: sums.column[column] }[normalise];
  const key = [count, all, sums.row[row], data.asks, row, column].join();
  if (cell.drawn === key) return;
  cell.drawn = key;
  const predicted = film.names[column] === undefined ? "without a class" : `predicted ${film.names[column]}`;
  const what = `actual ${film.names[row]}, ${predicted}: ${whole(count)}${all ? `, ${percent(count, all)}` : ""}`;
  cell.button.textContent = !count ? "" : all ? percent(count, all) : whole(count);
  cell.button.title = what;
  cell.button.setAttribute("aria-label", what);
  cell.button.setAttribute("aria-disabled", !data.asks);
  const share = sums.row[row] ? Math.round(15 * (count > 0) + (85 * count) / sums.row[row]) : 0;
  cell.box.style.setProperty("--share", `${share}%`);
}

const sum = (length, value) => Array.from({ length }, (_, at) => value(at)).reduce((total, one) => total + one, 0);
