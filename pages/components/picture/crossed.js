// The confusion matrix of several classes: wrong cells are hatched, and a cell that is pressed asks for its rows.
//
// One cell is reached by Tab, the others from there with the arrow keys.

import { percent, whole } from "./model.js";
import { segments } from "./fields.js";
import { say } from "./svg.js";
import { act } from "./threshold.js";

const NUMBERS = [["none", "counts"], ["row", "by row"], ["column", "by column"]];
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
    if (cell?.ariaDisabled === "false") act(state, "cell", Number(cell.value));
  });
  find(".crossed").addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    const cell = event.target.closest(".cell");
    if (!step || !cell) return;
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

const size = ({ film, data }) => ({ rows: film.names.length, columns: film.names.length + data.none });

export function lay(state) {
  const { find, film, data } = state;
  segments(find(".normalise"), NUMBERS, state.normalise);
  say(find(".sign.rule"), data.rule_label);
  const { rows, columns } = size(state);
  const key = JSON.stringify([film.names, columns]);
  if (state.crossed === key) return;
  state.crossed = key;
  const predicted = [...film.names, "no class"].slice(0, columns);
  const heading = (name, scope) => {
    const cell = document.createElement("th");
    Object.assign(cell, { scope, textContent: name, title: name });
    return cell;
  };
  find(".crossed colgroup").replaceChildren(find(".crossed .first"), ...predicted.map(() => document.createElement("col")));
  const above = document.createElement("tr");
  above.innerHTML = `<td></td><td colspan="${columns}" aria-hidden="true">predicted</td>`;
  const head = document.createElement("tr");
  const corner = document.createElement("td");
  corner.innerHTML = '<span aria-hidden="true">actual</span>';
  head.append(corner, ...predicted.map((name) => heading(name, "col")));
  find(".crossed thead").replaceChildren(above, head);
  state.cells = [];
  find(".crossed tbody").replaceChildren(...film.names.map((name, row) => {
    const line = document.createElement("tr");
    line.append(heading(name, "row"), ...predicted.map((_, column) => {
      const box = document.createElement("td");
      box.className = row === column ? "positive" : "negative wrong";
      box.innerHTML = `<button type="button" class="cell" value="${row * (rows + 1) + column}" tabindex="${row || column ? -1 : 0}"></button>`;
      state.cells.push({ box, button: box.firstChild, drawn: undefined });
      return box;
    }));
    return line;
  }));
}

export function paint(state) {
  const { counts: { matrix }, film, data, last, normalise } = state;
  if (!state.exact) return; // not of all rows
  const { rows, columns } = size(state);
  const at = (row, column) => matrix[row * (rows + 1) + column];
  const byRow = film.names.map((_, row) => sum(columns, (column) => at(row, column)));
  const byColumn = Array.from({ length: columns }, (_, column) => sum(rows, (row) => at(row, column)));
  for (const [index, cell] of state.cells.entries()) {
    const [row, column] = [Math.floor(index / columns), index % columns];
    const count = at(row, column);
    const all = { none: 0, row: byRow[row], column: byColumn[column] }[normalise];
    const text = !count ? "" : all ? percent(count, all) : whole(count);
    const asks = data.asks && last; // the rows are those of the last epoch
    const key = `${text} ${count} ${byRow[row]} ${asks}`;
    if (cell.drawn === key) continue;
    cell.drawn = key;
    cell.button.textContent = text;
    cell.button.setAttribute("aria-disabled", !asks);
    const predicted = film.names[column] === undefined ? "without a class" : `predicted ${film.names[column]}`;
    const what = `actual ${film.names[row]}, ${predicted}: ${whole(count)}${all ? `, ${percent(count, all)}` : ""}`;
    cell.button.setAttribute("aria-label", what);
    cell.button.title = what;
    cell.box.style.setProperty("--share", `${byRow[row] ? Math.round(15 * (count > 0) + (85 * count) / byRow[row]) : 0}%`);
  }
}

const sum = (length, value) => Array.from({ length }, (_, at) => value(at)).reduce((total, one) => total + one, 0);
