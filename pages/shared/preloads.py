"""What a browser fetches and runs while the first script run is on its way, instead of after it.

Streamlit fetches the code of a kind of widget when it draws the first one, and the picture's script comes after that.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import streamlit

from pages.components.scripts import SCRIPTS, VERSION

STATIC = Path(streamlit.__file__).parent / "static"
KINDS = ("BidiComponent",)  # those of the Workbench as it is first drawn, with nothing but the picture
OF_LOSSES = ("BidiComponent", "Button", "ButtonGroup", "NumberInput", "Selectbox", "Slider")
IMPORTED = re.compile(r"""(?:from|import) ?"\./([\w.-]+\.js)\"""")
COMPONENTS = ("picture/",)  # those of it that have a folder
PICTURE, STYLES = "picture/component.js", "picture/picture.css"
FIGURE, PLOTLY = "live_figure.js", "plotly.min.js"


@cache
def tags(page: str) -> str:
    """Tags for the head of the page of this path that Streamlit serves, "" for the Workbench: those of COMPONENTS only
    there, and those of figures on "losses", which opens with them.

    Addresses are relative to that page, as Streamlit's own are.
    """
    widgets, their = kinds(OF_LOSSES if page == "losses" else KINDS)
    ours = f"./assets/{VERSION}"
    modules = [f"./static/js/{name}" for name in their]
    run = [f"./static/js/{name}" for name in widgets]
    links = ""
    if page == "losses":
        modules.append(f"{ours}/{FIGURE}")
        links = f'<script async src="{ours}/{PLOTLY}" onerror="this.remove()"></script>'
    if not page:
        modules += [f"{ours}/{name}" for name in SCRIPTS if name.startswith(COMPONENTS) and name.endswith(".js")]
        run.append(f"{ours}/{PICTURE}")
        links = f'<link rel="preload" as="style" href="{ours}/{STYLES}">'
    links += "".join(f'<link rel="modulepreload" crossorigin href="{address}">' for address in modules)
    imports = "".join(f'import("{address}").catch(() => undefined);' for address in run)
    return f'{links}<script type="module">{imports}</script>'


@cache
def kinds(wanted: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Names of the files that Streamlit has for these kinds of widgets, and of these with all that they import, without
    those that its page fetches anyway. A kind that is not found is left out."""
    scripts, known = STATIC / "static" / "js", (STATIC / "index.html").read_text()
    first = [path.name for kind in wanted for path in scripts.glob(f"{kind}.*.js")]
    found: dict[str, None] = {}  # in the order in which they are imported
    waiting = list(reversed(first))
    while waiting:
        name = waiting.pop()
        if name not in found and name not in known and (scripts / name).is_file():
            found[name] = None
            waiting += IMPORTED.findall((scripts / name).read_text())
    return first, list(found)
