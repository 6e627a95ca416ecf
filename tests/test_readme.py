"""The README is a contract: its file map, its settings and its commands are those of the code."""

from __future__ import annotations

import re
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from core.catalogue import with_catalogue
from core.data import DATASETS
from core.losses import LOSSES
from core.losses.heads import HEADS
from core.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def section(title: str) -> str:
    """The text under a second-level heading, up to the next one."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", README, flags=re.MULTILINE | re.DOTALL)
    assert found, f"Expected the README to have a section {title!r}."
    return found[1]


def file_map() -> dict[str, str]:
    """Path -> phrase, from the first code block under Files; raises when a path is listed twice."""
    lines = section("Files").split("```")[1].strip().splitlines()
    pairs = [line.split(maxsplit=1) for line in lines]
    assert all(len(pair) == 2 for pair in pairs), "Expected a phrase after every path."
    listed = dict(pairs)
    assert len(listed) == len(pairs), "Expected every path once."
    return listed


def test_file_map_lists_every_module():
    command = ["git", "ls-files", "app.py", "pages/*.py", "core/*.py", "benchmarks/*.py"]
    try:
        shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("needs a git checkout")
    modules = {path for path in shown.splitlines() if not path.endswith("__init__.py")}
    missing = sorted(modules - file_map().keys())
    assert not missing, f"Expected the README's file map to list {missing}."


def test_every_listed_file_exists():
    gone = [path for path in file_map() if not (ROOT / path).is_file()]
    assert not gone, f"Expected the files of the README's map to exist, but {gone} do not."


def test_settings_are_those_that_the_code_reads():
    rows = re.findall(r"^\| `(CUTOFF_\w+)` \| `(.*?)` \| (.+?) \|$", section("Settings"), flags=re.MULTILINE)
    read = [(f"CUTOFF_{s.name.upper()}", str(s.default), s.metadata["help"]) for s in fields(Settings)]
    assert rows == read


def test_make_knows_every_target_that_the_readme_names():
    targets = set(re.findall(r"\bmake ([a-z]+)\b", README))
    assert {"run", "test", "check"} <= targets
    assert targets <= set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def test_tables_of_heads_losses_and_data_are_those_of_the_registries():
    assert with_catalogue(README) == README, "Run python -m core.catalogue."
    tables = section("Heads, losses and data")
    for spec in (*HEADS.values(), *LOSSES.values(), *DATASETS.values()):
        assert f"| {spec.label} |" in tables
