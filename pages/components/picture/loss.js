// The loss after each epoch, validation solid and train dashed, with a line at the epoch that is shown.

import { frameOf, word } from "./svg.js";

const MARGINS = { left: 38, right: 10, top: 8, bottom: 34 };
const SVG = ".loss svg";
const GAP = 14; // pixels between the names of the two lines

export const html = `
  <h2>Loss</h2>
  <div class="plot still">
    <svg role="img">
      <path class="axis" />
      <path class="train" />
      <path class="validation" />
      <path class="cut" />
      <circle class="dot" r="3.5" />
      <g class="words"></g>
    </svg>
  </div>`;

const written = (loss) => Number(loss.toPrecision(2)).toString();

export function lay(state) {
  const { find, film, epochs } = state;
  const { train, validation } = film.losses;
  const frame = frameOf(state, SVG, MARGINS);
  const { left, top, width, height } = frame;
  const known = [...train, ...validation].filter((loss) => loss !== null);
  const most = 1.05 * Math.max(0, ...known) || 1;
  const least = Math.min(0, ...known);
  const across = (epoch) => left + (epochs ? epoch / epochs : 0) * width;
  const up = (loss) => top + (1 - (loss - least) / (most - least)) * height;
  state.lossAt = (epoch) => [across(epoch), validation[epoch] === undefined || validation[epoch] === null ? NaN : up(validation[epoch])];
  const line = (losses) => losses.map((loss, epoch) => loss === null ? "" :
    `${epoch && losses[epoch - 1] !== null ? "L" : "M"}${across(epoch).toFixed(1)} ${up(loss).toFixed(1)}`).join("");
  find(".loss .train").setAttribute("d", line(train));
  find(".loss .validation").setAttribute("d", line(validation));
  find(".loss .axis").setAttribute("d", `M${left} ${top}V${top + height}h${width}`);

  const words = [word(left + width / 2, top + height + 28, "epoch", "middle")];
  if (known.length) {
    const floor = top + height + 14;
    words.push(word(left, floor, 0, "middle"), word(left + width, floor, epochs, "middle"));
    words.push(word(left - 5, up(least) + 4, written(least), "end"), word(left - 5, up(most / 1.05) + 4, written(most / 1.05), "end"));
    words.push(...names(frame, { train, validation }, across, up));
  }
  find(".loss .words").innerHTML = words.join("");
}

// Each line's name near its end: above the higher line and below the lower one, or both above where there is no room.
function names({ left, top, width, height }, losses, across, up) {
  const ends = Object.entries(losses).filter(([, all]) => all.length && all.at(-1) !== null)
    .map(([name, all]) => ({ name, x: across(all.length - 1), y: up(all.at(-1)) })).sort((a, b) => a.y - b.y);
  const lowest = ends.at(-1)?.y + GAP;
  const below = ends.length > 1 && lowest < top + height - 3;
  return ends.map(({ name, x, y }, at) => {
    const clear = below && at ? lowest : below ? y - 6 : ends[0].y - 6 - GAP * (ends.length - 1 - at);
    return word(Math.max(left + 60, Math.min(x, left + width)), Math.max(top + 9, clear), name, "end", `class="of-${name}"`);
  });
}

export function paint(state) {
  const { find, frame: { epoch } } = state;
  const { top, height } = frameOf(state, SVG, MARGINS);
  const [x, y] = state.lossAt(epoch);
  const none = !state.film.losses.validation.length;
  find(".loss .cut").setAttribute("d", none ? "" : `M${x.toFixed(1)} ${top}v${height}`);
  const dot = find(".loss .dot");
  dot.style.display = Number.isNaN(y) ? "none" : "";
  dot.setAttribute("transform", `translate(${x.toFixed(1)} ${Number.isNaN(y) ? 0 : y.toFixed(1)})`);
}
