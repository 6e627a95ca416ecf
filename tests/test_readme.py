"""README and docs/architecture.md are a contract: their files, names, settings and commands are those of the code."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from core.catalogue import with_catalogue
from core.data import DATASETS
from core.losses import LOSSES
from core.losses.heads import HEADS
from core.settings import Settings, variable

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()


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


def covers(listed: str, path: str) -> bool:
    """Whether a line of the map is about a file: its path, its folder ("core/data/"), or "name.*" for its kinds."""
    if listed.endswith("/"):
        return path.startswith(listed)
    return path.rpartition(".")[0] == listed[:-2] if listed.endswith(".*") else path == listed


def tracked() -> list[str]:
    """The files of the project's folders that git knows."""
    command = ["git", "ls-files", "app.py", "pages", "core", "benchmarks", "tests", "docs"]
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("needs a git checkout")


def test_file_map_covers_every_file():
    missing = [
        path
        for path in tracked()
        if not path.endswith("__init__.py") and not any(covers(listed, path) for listed in file_map())
    ]
    assert not missing, f"Expected the README's file map to say where {missing} belong."


def test_every_line_of_the_map_is_about_a_file():
    files = tracked()
    empty = [listed for listed in file_map() if not any(covers(listed, path) for path in files)]
    assert not empty, f"Expected each line of the README's map to be about files, but {empty} are about none."


def test_settings_are_those_that_the_code_reads():
    rows = re.findall(r"^\| `(CUTOFF_\w+)` \| `(.*?)` \| (.+?) \|$", section("Settings"), flags=re.MULTILINE)
    read = [(variable(name), str(s.default), s.description) for name, s in Settings.model_fields.items()]
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


def codes(text: str) -> list[str]:
    """What a text in Markdown writes in backticks."""
    return re.findall(r"`([^`]+)`", text)


def is_path(code: str) -> bool:
    return re.fullmatch(r"[\w./-]+", code) is not None and ("/" in code or code.endswith(".py"))


def test_readme_links_to_the_architecture():
    assert "](docs/architecture.md)" in README


def test_paths_of_the_architecture_exist():
    missing = [code for code in codes(ARCHITECTURE) if is_path(code) and not (ROOT / code).exists()]
    assert not missing, f"Expected docs/architecture.md to name files, but there is no {missing}."


def test_names_of_the_architecture_exist():
    files = [ROOT / path for path in tracked() if path.endswith((".py", ".js")) and path != "tests/test_readme.py"]
    files += [ROOT / "Makefile", ROOT / "pyproject.toml"]
    known = set(re.findall(r"\w+", " ".join(path.read_text() for path in files)))
    missing = [code for code in codes(ARCHITECTURE) if not is_path(code) and not set(re.findall(r"\w+", code)) <= known]
    assert not missing, (
        f"Expected docs/architecture.md to name what the code has, but nothing there is called {missing}."
    )


def test_registries_stand_in_the_files_that_the_architecture_names():
    rows = [row for row in ARCHITECTURE.splitlines() if row.startswith("| ") and codes(row)]
    assert len(rows) >= 15
    for row in rows:
        paths = [ROOT / code for code in codes(row) if is_path(code)]
        files = [file for path in paths for file in (path.glob("*.py") if path.is_dir() else [path])]
        text = "\n".join(file.read_text() for file in files)
        for name in codes(row):
            if re.fullmatch(r"[A-Z_]+", name):
                assert re.search(rf"^(export |const )*{name}\b.* = ", text, re.MULTILINE), f"No {name} in {paths}."
