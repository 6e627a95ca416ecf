// Draws a plotly figure once and then updates it in place: the DOM node, zoom, hover and legend choices stay.
// Plotly is fetched once one of the figures is in sight; those in a tab that is not open wait until it is.

const figures = new WeakMap(); // element -> {sent, text, clickable, setTriggerValue, note, held, drawn, unmount}
const unseen = new Set(); // elements of figures, as long as none has been in sight or their tab is not open
let seen = false;
const sight = new IntersectionObserver((entries) => {
  seen ||= entries.some(({ isIntersecting }) => isIntersecting);
  for (const host of unseen) {
    if (!seen || !host.clientWidth) continue;
    unseen.delete(host);
    sight.unobserve(host);
    show(host);
  }
});
let library; // one <script> for all figures

function loadPlotly() {
  library ??= new Promise((resolve, reject) => {
    const address = new URL("plotly.min.js", import.meta.url).href; // beside this script, and so of the same version
    const early = [...document.scripts].find(({ src }) => src === address); // of preloads.py
    const script = early ?? Object.assign(document.createElement("script"), { src: address });
    script.onload = () => (window.Plotly ? resolve() : script.onerror());
    script.onerror = () => {
      library = undefined; // the next update tries again
      script.remove();
      reject(new Error(address));
    };
    if (window.Plotly) resolve();
    else if (!early) document.head.append(script);
  });
  return library;
}

// How a figure looks where it says nothing itself.
function template(theme) {
  const color = theme("--st-text-color");
  const line = theme("--st-border-color");
  const axis = {
    automargin: true,
    gridcolor: line,
    linecolor: line,
    showline: true,
    title: { standoff: 8 },
    zerolinecolor: line,
  };
  return {
    layout: {
      colorway: theme("--st-chart-categorical-colors").split(","),
      font: { family: theme("--st-font"), color, size: 13 },
      hoverlabel: { bgcolor: theme("--st-background-color"), bordercolor: line, font: { color, family: theme("--st-font") } },
      legend: { orientation: "h", x: 0, xanchor: "left", y: 1, yanchor: "bottom" },
      margin: { l: 8, r: 8, t: 8, b: 8 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      xaxis: { ...axis, showgrid: false },
      yaxis: axis,
    },
  };
}

function draw(host) {
  const state = figures.get(host);
  if (state.held || !host.isConnected) return;
  const style = getComputedStyle(host);
  const theme = (name) => style.getPropertyValue(name).trim();
  const { figure, height, revision } = JSON.parse(state.text.replace(/var\((--[\w-]+)\)/g, (_, name) => theme(name)));
  const { data, layout } = figure;
  const place = { autosize: true, height, template: template(theme), uirevision: revision };
  if (matchMedia("(pointer: coarse)").matches) place.dragmode = false; // a finger scrolls the page instead
  Plotly.react(host, data, { ...layout, ...place }, { displayModeBar: false, showTips: false, doubleClick: "reset" });
  if (!state.drawn) {
    state.drawn = true;
    host.on("plotly_click", ({ points: [point] }) => {
      if (!state.clickable) return;
      const { curveNumber: curve, x, y, customdata = null } = point;
      state.setTriggerValue("clicked", { curve, name: point.data.name ?? null, x, y, customdata });
    });
  }
}

async function show(host) {
  const { note } = figures.get(host);
  try {
    await loadPlotly();
  } catch (error) {
    console.error(error);
    note.textContent = "The figure could not be drawn: its library did not load. Reload the page to try again.";
    return;
  }
  note.textContent = "";
  draw(host);
}

function mount(host, note) {
  const state = { note, held: false, drawn: false };
  figures.set(host, state);

  const gone = new AbortController();
  const { signal } = gone;
  // An update while the pointer draws a zoom box would take the box away: it waits for the release.
  host.addEventListener("pointerdown", () => (state.held = true), { capture: true, signal });
  const release = () => {
    if (!state.held) return;
    state.held = false;
    setTimeout(() => signal.aborted || draw(host)); // after plotly's own handler
  };
  for (const end of ["pointerup", "pointercancel"]) window.addEventListener(end, release, { signal });

  const observer = new ResizeObserver(() => {
    if (state.drawn && host.clientWidth) Plotly.Plots.resize(host);
  });
  observer.observe(host);

  state.unmount = () => {
    if (host.isConnected) return; // called after a superseded update as well
    gone.abort();
    observer.disconnect();
    sight.unobserve(host);
    unseen.delete(host);
    if (state.drawn) Plotly.purge(host);
  };
  return state;
}

async function inflated(bytes) {
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
}

export default async function ({ data, parentElement, setTriggerValue }) {
  const host = parentElement.querySelector(".live-figure");
  const state = figures.get(host) ?? mount(host, parentElement.querySelector(".live-figure-note"));
  state.sent = data;
  const text = await inflated(data);
  if (state.sent !== data) return state.unmount; // a later update has come meanwhile
  const { alt, height, clickable } = JSON.parse(text);
  Object.assign(state, { text, clickable, setTriggerValue });
  host.setAttribute("role", "img"); // not before it has a name
  host.setAttribute("aria-label", alt);
  host.style.height = `${height}px`;
  if (seen && host.clientWidth) {
    await show(host);
  } else {
    unseen.add(host);
    sight.observe(host);
  }
  return state.unmount;
}
