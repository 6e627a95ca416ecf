"""What a browser fetches early is there, complete, and nothing that it fetches anyway."""

from __future__ import annotations

import re

import pytest

from pages.components.scripts import SCRIPTS, VERSION
from pages.shared import preloads

ADDRESS = re.compile(r'(?:href=|src=|import\()"\./([^"]+)"')


@pytest.mark.parametrize("page", ["", "compare", "losses"])
def test_every_address_is_that_of_a_file(page: str) -> None:
    addresses = set(ADDRESS.findall(preloads.tags(page)))
    assert addresses
    for address in addresses:
        _, version, name = address.split("/", 2) if address.startswith("assets/") else ("", "", "")
        assert (version == VERSION and name in SCRIPTS) or (preloads.STATIC / address).is_file(), address


def test_pictures_are_fetched_early_on_the_pages_that_open_with_them() -> None:
    assert "assets/" not in preloads.tags("compare")
    figures = {f"assets/{VERSION}/live_figure.js", f"assets/{VERSION}/plotly.min.js"}
    assert figures <= set(ADDRESS.findall(preloads.tags("losses")))
    assert not figures & set(ADDRESS.findall(preloads.tags("")))
    scripts = {name for name in SCRIPTS if name.startswith("picture/") and name.endswith(".js")}
    assert {f"assets/{VERSION}/{name}" for name in scripts} <= set(ADDRESS.findall(preloads.tags("")))


@pytest.mark.parametrize("wanted", [preloads.KINDS, preloads.OF_LOSSES])
def test_streamlit_has_a_file_for_each_kind_of_widget_and_all_that_it_imports(wanted: tuple[str, ...]) -> None:
    kinds, files = preloads.kinds(wanted)
    known = (preloads.STATIC / "index.html").read_text()
    assert [name.split(".")[0] for name in kinds] == list(wanted)
    assert set(kinds) <= set(files)
    assert not [name for name in files if name in known]
    for name in files:
        imported = preloads.IMPORTED.findall((preloads.STATIC / "static" / "js" / name).read_text())
        assert all(one in files or one in known for one in imported), name


def test_what_is_not_found_is_not_fetched() -> None:
    assert preloads.kinds(("Nothing",)) == ([], [])
