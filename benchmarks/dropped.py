"""From the moment a file of predictions is chosen to its picture, and the memory of the server.

    python -m benchmarks.dropped [--repeats 3]

The file is chosen on the Workbench, which sends it to a server on this machine. What is timed ends when the browser has
drawn the picture: histogram, counts and curves of every row. Memory is the most that the server has held, everything
that it imports included.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from playwright.sync_api import Browser, sync_playwright

from benchmarks.browser import launched, serve, settled
from benchmarks.goals import header, report
from benchmarks.uploads import BINARY_ROWS, CLASS_ROWS, CLASSES, PARQUET_ROWS, binary_columns, class_columns

ROOT = Path(__file__).parents[1]
DRAWN = ".stage.untrained .readout:not(:empty)"
PATIENCE = 120_000  # milliseconds


def csv(path: Path) -> None:
    pd.DataFrame(binary_columns(BINARY_ROWS)).to_csv(path, index=False)


def classes(path: Path) -> None:
    pd.DataFrame(class_columns()).to_csv(path, index=False)


def parquet(path: Path) -> None:
    pq.write_table(pa.table(binary_columns(PARQUET_ROWS)), path)


FILES: dict[str, tuple[Callable[[Path], None], float]] = {
    f"{BINARY_ROWS:,} rows x 1 score, CSV": (csv, 3),
    f"{CLASS_ROWS:,} rows x {CLASSES} scores, CSV": (classes, 3),
    f"{PARQUET_ROWS:,} rows x 1 score, Parquet": (parquet, 10),
}


def seconds_to_picture(browser: Browser, address: str, path: Path) -> float:
    """From choosing a file on a page that is at rest to its picture."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(address)
    page.locator(".stage .readout:not(:empty)").wait_for(state="attached")
    settled(page)
    page.locator(".st-key-recipe").get_by_role("button", name="Open your file", exact=True).click()
    chooser = page.get_by_label("File of predictions")
    chooser.wait_for(state="attached")
    settled(page)
    start = time.perf_counter()
    chooser.set_input_files(path)
    page.locator(DRAWN).wait_for(state="attached", timeout=PATIENCE)
    taken = time.perf_counter() - start
    page.close()
    return taken


def peak_memory(process: int) -> float:
    """The most memory that a process has held, in GB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    (kilobytes,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(kilobytes) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    goals: list[tuple[str, float, float]] = []
    header("streamlit", "pyarrow")
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = launched(playwright)
        for name, (write, goal) in FILES.items():
            path = Path(folder) / "predictions"
            write(path)
            with serve(ROOT / "app.py", Path(folder) / "app.log") as (address, process):
                taken = [seconds_to_picture(browser, address, path) for _ in range(arguments.repeats)]
                memory = peak_memory(process.pid)
            print(f"{name}: {', '.join(f'{one:.2f}' for one in taken)} s; the server held at most {memory:.2f} GB")
            goals.append((f"seconds to the picture of {name}", median(taken), goal))
            if goal == 3:
                goals.append((f"GB of the server, {name}", memory, 1))
        browser.close()
    print()
    for name, value, goal in goals:
        report(name, value, goal, at_most=True)


if __name__ == "__main__":
    main()
