// A card for each question: its chart, and a button with its text.

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
  strip.replaceChildren(...data.map((question) => card(question, (name) => setTriggerValue("chosen", name))));
}
