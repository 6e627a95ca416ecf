"""Write the files of predictions that ship: `python -m core.predictions.examples`."""

from __future__ import annotations

from core.predictions.examples import FOLDER
from core.predictions.examples.making import write

if __name__ == "__main__":
    write(FOLDER)
