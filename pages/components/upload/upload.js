// Sends a file of predictions to the server: one that is dropped anywhere on the page, chosen, or pasted as a table.

const AT = "uploads"; // below the address of the app
const SEPARATED = /[^\n]*[,;\t|][^\n]*\n[^\n]*[,;\t|]/; // two lines with columns
const style = new URL("./upload.css", import.meta.url);

let taking; // root of the component that takes what is dropped or pasted on the page
let sending; // { request, name } on its way
const mounted = new WeakMap(); // root -> { most, send, fail }

const files = (transfer) => [...(transfer?.types ?? [])].includes("Files");
const ownDropzone = (event) => event.target.closest?.("[data-testid=stFileUploaderDropzone]");
const typing = (element) => element?.matches?.("input, textarea, [contenteditable]");
const megabytes = (bytes) => `${Math.floor(bytes / 2 ** 20).toLocaleString("en")} MB`;

function part(root, name) {
  return root.querySelector(`.${name}`);
}

function say(root, failed = "") {
  part(root, "failed").hidden = !failed;
  part(root, "failed").querySelector("p").textContent = failed;
}

function progress(root, name = "", done = 0) {
  const shown = part(root, "sending");
  shown.hidden = !name;
  if (!name) return;
  const percent = Math.round(100 * done);
  shown.querySelector("p").textContent = done < 1 ? `Sending ${name}: ${percent}%` : `Reading ${name}…`;
  const bar = shown.querySelector("progress");
  if (done < 1) bar.value = done;
  else bar.removeAttribute("value");
}

function finish(root) {
  sending = undefined;
  progress(root);
}

function send(root, content, name) {
  const { most, opened } = mounted.get(root);
  say(root);
  if (content.size > most) return say(root, `${name} has ${megabytes(content.size)}; the limit here is ${megabytes(most)}.`);
  if (!content.size) return say(root, `${name} is empty.`);
  sending?.abort(); // the newer one is wanted
  const request = new XMLHttpRequest(); // unlike fetch it says how much has been sent
  sending = request;
  const address = new URL(AT, document.baseURI);
  address.searchParams.set("name", name);
  request.open("POST", address);
  request.responseType = "json";
  request.upload.onprogress = ({ loaded, total }) => progress(root, name, total ? loaded / total : 1);
  request.upload.onload = () => progress(root, name, 1);
  request.onabort = () => sending === request && finish(root);
  request.onerror = () => {
    finish(root);
    say(root, `${name} could not be sent: the server did not answer.`);
  };
  request.onload = () => {
    finish(root);
    const { id, error } = request.response ?? {};
    if (id) opened(id);
    else say(root, error ? `${name}: ${error}` : `${name} could not be opened: the server answered ${request.status}.`);
  };
  progress(root, name, 0);
  request.send(content);
}

function sendOne(root, list) {
  if (list.length === 1) send(root, list[0], list[0].name);
  else if (list.length) say(root, `Drop one file at a time, not ${list.length}.`);
}

function listen() {
  let depth = 0; // of the elements that are entered and not left
  const show = (over) => taking && (part(taking, "drop").hidden = !over);
  addEventListener("dragenter", (event) => {
    if (!files(event.dataTransfer) || ownDropzone(event)) return;
    depth += 1;
    show(true);
  });
  addEventListener("dragleave", (event) => {
    if (!files(event.dataTransfer)) return;
    depth = Math.max(0, depth - 1);
    if (!depth || !event.relatedTarget) {
      depth = 0;
      show(false);
    }
  });
  addEventListener("dragover", (event) => files(event.dataTransfer) && !ownDropzone(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    depth = 0;
    show(false);
    if (!files(event.dataTransfer) || ownDropzone(event) || !taking?.isConnected) return;
    event.preventDefault();
    sendOne(taking, [...event.dataTransfer.files]);
  });
  addEventListener("paste", (event) => {
    const pasted = event.clipboardData?.getData("text/plain") ?? "";
    const list = [...(event.clipboardData?.files ?? [])];
    if (!taking?.isConnected || typing(event.composedPath()[0])) return;
    if (list.length) sendOne(taking, list);
    else if (SEPARATED.test(pasted)) send(taking, new Blob([pasted], { type: "text/csv" }), "pasted table");
    else return;
    event.preventDefault();
  });
}

function mount(root) {
  root.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: style }));
  part(root, "stop").addEventListener("click", () => sending?.abort());
  part(root, "close").addEventListener("click", () => say(root));
}

// Takes what is dropped or pasted anywhere on the page.
export function anywhere({ data, parentElement: root, setTriggerValue }) {
  if (!mounted.has(root)) mount(root);
  mounted.set(root, { most: data.most, opened: (id) => setTriggerValue("opened", id) });
  if (!taking) listen();
  taking = root;
}

// A button that asks for a file, and a field to paste a table into; sends as the component above does.
export function chooser({ data, parentElement: root }) {
  if (root.querySelector("link")) return;
  root.append(Object.assign(document.createElement("link"), { rel: "stylesheet", href: style }));
  const input = root.querySelector("input");
  input.ariaLabel = data.label;
  root.querySelector("small").textContent = `CSV, TSV, Parquet, Arrow or .npz with ${data.columns}`;
  input.accept = data.types.map((type) => `.${type}`).join(",");
  root.querySelector("button").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    if (taking) sendOne(taking, [...input.files]);
    input.value = ""; // so that the same file can be chosen again
  });
  const pasted = root.querySelector("textarea");
  pasted.addEventListener("paste", () =>
    setTimeout(() => {
      if (!pasted.value.trim() || !taking) return;
      send(taking, new Blob([pasted.value], { type: "text/csv" }), "pasted table");
      pasted.value = "";
    }),
  );
}
