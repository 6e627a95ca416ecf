// The picture as a component of Streamlit: fetches what is large and draws as soon as it is there.

const drawing = import("./draw.js"); // on its way while the film is fetched
const KEPT = 12; // fetched films
const fetched = new Map(); // address -> promise, the most recently used last
const mounted = new WeakMap(); // root -> { sent, number, drawn, element, acts, answered }

const style = new URL("./picture.css", import.meta.url);

function film(address) {
  const found = fetched.get(address) ?? load(address);
  fetched.delete(address);
  fetched.set(address, found);
  if (fetched.size > KEPT) fetched.delete(fetched.keys().next().value);
  return found;
}

async function load(address) {
  try {
    const answer = await fetch(new URL(`data/${address}`, document.baseURI));
    if (answer.status === 404) throw new Missing(address);
    if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
    return await answer.json();
  } catch (error) {
    fetched.delete(address);
    throw error;
  }
}

class Missing extends Error {}

function styled(root) {
  return new Promise((done) => {
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: style });
    link.onload = link.onerror = done;
    root.append(link);
  });
}

function mount(root) {
  const element = root.querySelector(".picture");
  const place = { number: 0, drawn: 0, element, ready: styled(root), acts: [], answered: 0 };
  mounted.set(root, place);
  return place;
}

// Streamlit imports a component's script anew for each update, and imports on their way end in any order.
function older([server, number], place) {
  const [before, last] = place.sent ?? [];
  if (server === before && number < last) return true;
  place.sent = [server, number];
  return false;
}

function say(root, failed) {
  root.querySelector(".failed").textContent = failed;
}

export default async function show({ data, parentElement: root, setTriggerValue }) {
  const place = mounted.get(root) ?? mount(root);
  if (older(data.sent, place)) return;
  const number = (place.number += 1);
  place.answered = data.serial;
  let stop = () => undefined;
  const unmount = () => place.element.isConnected || stop(place.element); // called after a superseded update as well
  try {
    const [large, before, module] = await Promise.all([
      film(data.address), data.outline && film(data.outline.address), drawing, place.ready,
    ]);
    stop = module.stop;
    if (number < place.drawn) return unmount; // a later message was there first
    place.drawn = number;
    const outline = data.outline && { ...data.outline, large: before };
    say(root, "");
    module.draw(place.element, { ...data, large, outline }, (act) => {
      // While the script runs Streamlit keeps only the last thing said, so all that is not yet answered is said again.
      place.acts = [...place.acts.filter(({ serial }) => serial > place.answered), act];
      setTriggerValue("acts", place.acts);
    });
  } catch (error) {
    if (number !== place.number) return unmount;
    if (error instanceof Missing && data.asked < 3) setTriggerValue("missing", data.asked + 1);
    else {
      console.error(error);
      say(root, "The picture could not be drawn: its numbers did not load. Reload the page to try again.");
    }
  }
  return unmount;
}
