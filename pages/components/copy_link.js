// A press copies the browser's address, and the button says so. Where the clipboard is refused, a field with the address
// stands below the button, selected.

const SAID = 2500; // milliseconds that it is said for

export default function ({ data, parentElement: root }) {
  const [button, said, refused, field] = ["button", ".said", ".refused", "input"].map((name) => root.querySelector(name));
  root.querySelector(".label").textContent = data.label;
  button.title = data.help;
  let timer;
  const say = (text) => {
    clearTimeout(timer);
    said.textContent = text;
    button.classList.toggle("done", text !== "");
    if (text) timer = setTimeout(() => say(""), SAID);
  };
  button.onclick = async () => {
    const link = location.href.replace(location.hash, "");
    try {
      await navigator.clipboard.writeText(link);
      refused.hidden = true;
      say("Link copied");
    } catch {
      refused.hidden = false;
      field.value = link;
      field.select();
    }
  };
  field.onblur = () => (refused.hidden = true);
  field.onkeydown = ({ key }) => key === "Escape" && button.focus();
  return () => clearTimeout(timer);
}
