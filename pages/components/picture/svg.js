// What the charts share: where they draw, words, ticks and marks.

import { place } from "./model.js";

export const RATES = [0, 0.5, 1];

export function word(x, y, text, anchor, more = "") {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" ${more}>${escaped(text)}</text>`;
}

export function upright(x, y, text) {
  return word(x, y, text, "middle", `transform="rotate(-90 ${x} ${y.toFixed(1)})"`);
}

export const escaped = (text) => String(text).replace(/[&<>]/g, (letter) => `&#${letter.charCodeAt(0)};`);

// The place of two shares, x from the left and y from the bottom.
export const point = ({ left, top, width, height }, x, y) => [left + x * width, top + (1 - y) * height];

// The inside of a chart, without the room for words; measured again when the picture changes its size.
export function frameOf(state, selector, { left, right, top, bottom }) {
  if (!state.frames.has(selector)) {
    const { clientWidth, clientHeight } = state.find(selector);
    state.frames.set(selector, { left, top, width: clientWidth - left - right, height: clientHeight - top - bottom });
  }
  return state.frames.get(selector);
}

export function mark(node, frame, [x, y]) {
  const [left, top] = point(frame, x, y);
  const drawn = Number.isFinite(left + top);
  node.style.display = drawn ? "" : "none";
  if (drawn) node.setAttribute("transform", `translate(${left.toFixed(2)} ${top.toFixed(2)})`);
}

// The ticks of an axis of scores; where there is no room for all, every second one, the middle among them.
export function scoreTicks(axis, { left, top, width, height }) {
  let ticks = axis.ticks.map(([score, text]) => ({ x: left + place(axis, score) * width, text }));
  const meet = ({ x, text }, at) => at && x - ticks[at - 1].x < 3.6 * (text.length + ticks[at - 1].text.length) + 8;
  const kept = () => Math.max(ticks.findIndex(({ text }) => text === "0.5"), 0);
  for (let from = kept(); ticks.some(meet); from = kept()) ticks = ticks.filter((_, at) => (at - from) % 2 === 0);
  return ticks.map(({ x, text }) => {
    const half = 3.6 * text.length;
    const at = Math.max(half, Math.min(left + width + 8 - half, x));
    return word(at, top + height + 15, text, "middle");
  }).join("");
}

export function rateTicks({ left, top, height }) {
  return RATES.map((value) => word(left - 5, top + (1 - value) * height + 4, value, "end")).join("");
}

export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function write(field, text) {
  if (field.value !== text) field.value = text;
}
