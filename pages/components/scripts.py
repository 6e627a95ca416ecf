"""Scripts and styles of components, served beside the app: every message repeats a component's own JavaScript and CSS,
so these are no more than what fetches the rest once."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import plotly

PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
HERE = Path(__file__).parent
# By address below that of the version: those beside this file, and those of a component that has a folder.
SCRIPTS = {path.relative_to(HERE).as_posix(): path for path in sorted([*HERE.glob("*.js"), *HERE.glob("*/*.js")])}
SCRIPTS |= {path.relative_to(HERE).as_posix(): path for path in sorted(HERE.glob("*/*.css"))} | {PLOTLY.name: PLOTLY}
# A folder in the address, since scripts import each other by name. It keeps a browser from using earlier ones.
VERSION = sha256(b"".join(path.read_bytes() for path in SCRIPTS.values())).hexdigest()[:8]
LOADER = """
export default async function (component) {
  try {
    const url = new URL("assets/VERSION/SCRIPT.js", document.baseURI);
    const { FUNCTION: show } = await import(url);
    return show(component);
  } catch (error) {
    console.error(error);
    component.parentElement.querySelector("PLACE").textContent =
      "WHAT could not be drawn: its script did not load. Reload the page to try again.";
  }
}
"""


def loader(script: str, what: str, place: str, function: str = "default") -> str:
    """A component's JavaScript that calls a function of `script`.js, a path below this folder.

    If it can't be fetched a sentence with the subject `what` says so, in the element of the selector `place`.
    """
    names = {"VERSION": VERSION, "SCRIPT": script, "FUNCTION": function, "PLACE": place, "WHAT": what}
    text = LOADER
    for name, value in names.items():
        text = text.replace(name, value)
    return text
