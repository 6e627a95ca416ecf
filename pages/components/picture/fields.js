// The threshold in three ways to say it, each editable, and the buttons that undo and save it.

import { ofLogit, ofRows, percent, written } from "./model.js";
import { say, write } from "./svg.js";
import { act, cancel, listenToFields } from "./threshold.js";

const field = (kind, before, label, after = "") => `<label class="field ${kind}"><span class="sign">${before}</span>
  <input class="${kind}" inputmode="${kind === "z" ? "text" : "decimal"}" spellcheck="false" autocomplete="off"
    aria-label="${label}" />${after && `<span class="sign">${after}</span>`}</label>`;

export const html = `
  <div class="row">
    <b class="heading">Threshold</b>
    ${field("p", "p ≥", "Threshold as probability")}
    ${field("z", "logit ≥", "Threshold as logit")}
    ${field("top", "top", "Threshold as percent of rows predicted positive", "%<span class=\"of-rows\"> of rows</span>")}
    <span class="buttons">
      <select class="group" hidden></select>
      <span class="segments parts" role="group" aria-label="Rows"></span>
      <button type="button" class="undo">Undo</button>
      <button type="button" class="save">Save</button>
    </span>
  </div>
  <p class="said" role="status"></p>`;

export function mount(state) {
  const { find } = state;
  listenToFields(state);
  const button = (selector, press) => {
    const node = find(selector);
    node.addEventListener("click", () => node.getAttribute("aria-disabled") === "true" || press());
  };
  button(".undo", () => {
    if (state.moving) cancel(state);
    act(state, "undo", null);
  });
  button(".save", () => act(state, "save", state.t));
  find(".parts").addEventListener("click", ({ target }) => {
    if (target.value && target.value !== state.data.part) act(state, "part", target.value);
  });
  find(".group").addEventListener("change", ({ target }) => act(state, "group", target.value));
}

export function lay(state) {
  const { find, data, model } = state;
  const scored = model.axis.kind === "score";
  find("label.z").hidden = scored;
  say(find("label.p .sign"), scored ? "score ≥" : "p ≥");
  find("input.p").setAttribute("aria-label", scored ? "Threshold as score" : "Threshold as probability");
  segments(find(".parts"), data.parts.map((part) => [part, part]), data.part);
  groups(find(".group"), state);
}

// The choice of a group of rows, where the film has some.
function groups(node, { film, data }) {
  const names = film.groups.map(({ name }) => name);
  const key = JSON.stringify([film.grouped_by, names]);
  if (node.dataset.groups !== key) {
    node.dataset.groups = key;
    node.replaceChildren(new Option("All rows", ""), ...names.map((name) => new Option(`${film.grouped_by}: ${name}`, name)));
    node.title = `Rows of one ${film.grouped_by}`;
    node.setAttribute("aria-label", node.title);
    node.hidden = !names.length;
  }
  node.value = data.group ?? "";
}

// Buttons of which one is pressed; drawn anew only when there are others.
export function segments(node, choices, chosen) {
  const values = choices.map(([value]) => value).join();
  if (node.dataset.values !== values) {
    node.dataset.values = values;
    node.replaceChildren(...choices.map(([value, text]) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", value, textContent: text });
      return button;
    }));
    node.hidden = choices.length < 2;
  }
  for (const button of node.children) button.setAttribute("aria-pressed", button.value === chosen);
}

export function paint(state) {
  const { find, model, counts, t, data } = state;
  const fields = { p: find("input.p"), z: find("input.z"), top: find("input.top") };
  if (state.typing !== fields.p) write(fields.p, threeDecimals(written(t, model.round)));
  if (state.typing !== fields.z) write(fields.z, ofLogit(t));
  if (state.typing !== fields.top) {
    write(fields.top, model.rows ? ((100 * (counts.tp + counts.fp)) / model.rows).toFixed(1) : "–");
  }
  say(find(".said"), state.said ?? "");
  find(".undo").setAttribute("aria-disabled", !data.undo && !state.moving);
  find(".save").setAttribute("aria-disabled", t === state.saved?.t);
}

const threeDecimals = (text) => (/^−?\d*\.?\d{0,3}$/.test(text) ? Number(text.replace("−", "-")).toFixed(3).replace("-", "−") : text);

// Why the share that was asked for is not the one that there is.
export function ofTies(state) {
  const { asked, rest, model } = state;
  state.asked = undefined;
  if (asked === undefined) return "";
  const positive = rest.counts.tp + rest.counts.fp;
  const wanted = Math.floor((asked / 100) * model.rows + 1e-9);
  if (asked > 0 && !wanted) return `The top ${asked}% of ${ofRows(model.rows)} are less than one row.`;
  if (positive >= wanted) return "";
  return `The top ${asked}% would end among rows with equal scores; without all of these it is ${percent(positive, model.rows)}.`;
}
