// A card for each preset: its chart, and a button with its question.

function card({ name, question, chart }, choose) {
  const place = Object.assign(document.createElement("div"), { className: "card", innerHTML: chart });
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: question });
  button.addEventListener("click", () => choose(name));
  place.append(button);
  return place;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const strip = parentElement.querySelector(".strip");
  if (strip.childElementCount === data.length) return; // a rerun must not take the focus from a button
  strip.replaceChildren(...data.map((preset) => card(preset, (name) => setTriggerValue("chosen", name))));
}
