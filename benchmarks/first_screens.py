"""What a visitor sees first of each page: a picture in sight, how many words, layout shift, and the page's height.

    python -m benchmarks.first_screens [--url http://localhost:8501] [--sheet screens.png]

It starts the app and opens every page in a headless Chromium (CUTOFF_CHROMIUM, or chromium on the PATH), each time as a
new visitor, in the sizes and themes of LOOKS. Words count where they are in sight, those of components too; numbers and
icons are none. Prose are texts of six or more words, numbers among them. A picture is a canvas, an SVG or an image,
larger than 120 x 60 pixels. Layout shift is the sum of all shifts until SETTLED seconds after the first picture, as the
browser measures them. Height is that of the whole page in screens. `--sheet` writes all first screens into one picture.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from PIL import Image
from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import TimeoutError as OutOfTime

from benchmarks.browser import launched, served, settled
from benchmarks.goals import header, report

PAGES = ("", "compare", "losses")
# Width, height and theme.
LOOKS = (
    (1440, 900, "light"), (1440, 900, "dark"),
    (1024, 768, "light"), (1024, 768, "dark"),
    (390, 844, "light"), (390, 844, "dark"),
)  # fmt: skip
WIDE = 1440  # the words are limited at this width
WORDS, PROSE, SHIFT, SCREENS = 220, 60, 0.12, 3.0
SETTLED = 4.0  # seconds; a replay takes three
MARGIN = 20  # pixels around each screen of the sheet

WATCH_SHIFTS = """window.shifted = 0;
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
}).observe({ type: 'layout-shift', buffered: true });"""
# Every element, those in shadow roots too.
ELEMENTS = """const every = root => [...root.querySelectorAll('*')]
  .flatMap(element => element.shadowRoot ? [element, ...every(element.shadowRoot)] : [element]);
const inSight = box => box.top < innerHeight && box.bottom > 0 && box.left < innerWidth && box.right > 0;"""
PICTURE = f"""() => {{
  {ELEMENTS}
  const drawn = element => ['CANVAS', 'IMG', 'svg'].includes(element.tagName);
  return every(document).some(element => {{
    const box = element.getBoundingClientRect();
    return box.width > 120 && box.height > 60 && inSight(box) && drawn(element);
  }});
}}"""
READ = f"""() => {{
  {ELEMENTS}
  const range = document.createRange();
  let words = 0, prose = 0;
  for (const element of every(document.querySelector('[data-testid=stApp]'))) {{
    if (element.getBoundingClientRect().width <= 1) continue; // only heard
    if (element.dataset.testid === 'stIconMaterial') continue; // the name of an icon, drawn as one
    for (const node of element.childNodes) {{
      if (node.nodeType !== Node.TEXT_NODE) continue;
      range.selectNode(node);
      const box = range.getBoundingClientRect();
      if (!box.height || !inSight(box)) continue;
      const texts = node.textContent.trim().split(/\\s+/).filter(Boolean);
      words += texts.filter(text => /\\p{{L}}/u.test(text)).length;
      if (texts.length > 5) prose += texts.length;
    }}
  }}
  return [words, prose];
}}"""
HEIGHT = "() => document.querySelector('[data-testid=stMain]').scrollHeight / innerHeight"


class Screen(NamedTuple):
    """What was measured of the first screen of a page, and its picture as PNG."""

    width: int
    picture: float | None
    screens: float
    words: int
    prose: int
    shift: float
    png: bytes


def measured(browser: Browser, url: str, width: int, height: int, theme: str) -> Screen:
    """Open a page as a new visitor; `picture` are the seconds to the first picture in sight, None without one."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    page.add_init_script(WATCH_SHIFTS)
    start = monotonic()
    page.goto(url)
    settled(page)
    try:
        page.wait_for_function(PICTURE, timeout=SETTLED * 1e3)
        picture = monotonic() - start
    except OutOfTime:
        picture = None
    page.wait_for_timeout(SETTLED * 1e3)
    words, prose = page.evaluate(READ)
    found = Screen(
        width, picture, page.evaluate(HEIGHT), words, prose, page.evaluate("window.shifted"), page.screenshot()
    )
    context.close()
    return found


def sheet(rows: Sequence[Sequence[Screen]], path: Path) -> None:
    """Write the screens of each page beside each other, a row a page."""
    shots = [[Image.open(io.BytesIO(screen.png)) for screen in row] for row in rows]
    tall = max(shot.height for row in shots for shot in row) + MARGIN
    wide = sum(shot.width + MARGIN for shot in shots[0]) + MARGIN
    whole = Image.new("RGB", (wide, tall * len(shots) + MARGIN), "#888")
    for at, row in enumerate(shots):
        x = MARGIN
        for shot in row:
            whole.paste(shot, (x, MARGIN + at * tall))
            x += shot.width + MARGIN
    whole.save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="of an app that is served already")
    parser.add_argument("--sheet", type=Path, help="where to write the picture of all first screens")
    given = parser.parse_args()

    header("streamlit", "playwright")
    found: dict[str, list[Screen]] = {}
    print(f"{'page':12}{'look':>18}{'picture':>9}{'screens':>9}{'words':>7}{'prose':>7}{'shift':>7}")
    server = nullcontext(given.url) if given.url else served("app.py")
    with server as address, sync_playwright() as playwright:
        browser = launched(playwright)
        measured(browser, address, *LOOKS[0])  # the first visitor, for whom nothing is cached
        for name in PAGES:
            found[name] = []
            for width, height, theme in LOOKS:
                one = measured(browser, f"{address}/{name}", width, height, theme)
                found[name].append(one)
                seen = "none" if one.picture is None else f"{one.picture:.1f} s"
                print(
                    f"{'/' + name:12}{f'{width} x {height} {theme}':>18}{seen:>9}{one.screens:9.2f}{one.words:7}"
                    f"{one.prose:7}{one.shift:7.3f}"
                )
        browser.close()
    if given.sheet:
        sheet(list(found.values()), given.sheet)
    print()
    for name, screens in found.items():
        wide = [one for one in screens if one.width == WIDE]
        report(f"looks of /{name} without a picture in sight", sum(one.picture is None for one in screens), 0, True)
        report(f"words in sight on /{name}, {WIDE} pixels wide", max(one.words for one in wide), WORDS, True)
        report(f"of them prose on /{name}", max(one.prose for one in wide), PROSE, True)
        report(f"layout shift of /{name}", max(one.shift for one in screens), SHIFT, True)
        report(f"screens of height of /{name}", max(one.screens for one in screens), SCREENS, True)


if __name__ == "__main__":
    main()
