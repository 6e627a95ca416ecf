"""What a browser fetches early is there, complete, and nothing that it fetches anyway."""

from __future__ import annotations

import re

import pytest

from pages.components.scripts import SCRIPTS, VERSION
from pages.shared import preloads

ADDRESS = re.compile(r'(?:href=|import\()"\./([^"]+)"')


@pytest.mark.parametrize("workbench", [True, False])
def test_every_address_is_that_of_a_file(workbench: bool) -> None:
    addresses = set(ADDRESS.findall(preloads.tags(workbench)))
    assert addresses
    for address in addresses:
        _, version, name = address.split("/", 2) if address.startswith("assets/") else ("", "", "")
        assert (version == VERSION and name in SCRIPTS) or (preloads.STATIC / address).is_file(), address


def test_the_picture_is_fetched_early_on_the_page_that_has_it() -> None:
    assert "assets/" not in preloads.tags(workbench=False)
    scripts = {name for name in SCRIPTS if name.startswith("picture/") and name.endswith(".js")}
    assert {f"assets/{VERSION}/{name}" for name in scripts} <= set(ADDRESS.findall(preloads.tags(workbench=True)))


def test_streamlit_has_a_file_for_each_kind_of_widget_and_all_that_it_imports() -> None:
    kinds, files = preloads.kinds()
    known = (preloads.STATIC / "index.html").read_text()
    assert [name.split(".")[0] for name in kinds] == list(preloads.KINDS)
    assert set(kinds) <= set(files)
    assert not [name for name in files if name in known]
    for name in files:
        imported = preloads.IMPORTED.findall((preloads.STATIC / "static" / "js" / name).read_text())
        assert all(one in files or one in known for one in imported), name


def test_what_is_not_found_is_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preloads, "KINDS", ("Nothing",))
    preloads.kinds.cache_clear()
    assert preloads.kinds() == ([], [])
    preloads.kinds.cache_clear()
