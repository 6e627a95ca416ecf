"""Imports run one way: app -> pages -> pages/shared, pages/components -> core, and inside core as BELOW says; no page
imports from another.

The graph is read from the source with `ast`: an import inside a function or under TYPE_CHECKING counts too.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Every folder of core (and module beside them), and the ones right below it. It may import those, and whatever lies
# below them.
BELOW: dict[str, tuple[str, ...]] = {
    "errors": (),
    "text": (),
    "settings": ("errors",),
    "keeping": (),
    "parameters": ("errors", "text"),
    "data": ("parameters", "keeping", "settings"),
    "losses": ("parameters",),
    "models": ("parameters",),
    "experiment": ("data", "losses", "models"),
    "evaluation": ("experiment",),
    "training": ("evaluation", "settings"),
    "theory": ("training",),
    "plots": ("theory",),
    "checks": ("theory",),
    "export": ("checks",),
    "predictions": ("theory",),
    "catalogue": ("export",),
    "miniatures": ("plots",),
    "notebook": ("settings",),
    "api": ("predictions", "settings"),
    "__main__": ("predictions",),
}

WITHOUT_TORCH = ("data", "evaluation", "plots", "predictions")
# What shows training, run by run. Everything else that looks at scores takes a ScoreSource.
OF_TRAINING = {"compare.one_run", "compare.race", "compare.focus", "compare.ranking", "compare.epochs", "compare.plane"}
OF_TRAINING |= {"compare.misclassified", "shared.text", "shared.theory", "workbench.workbench", "workbench.shown"}
OF_TRAINING |= {"workbench.verdict", "workbench.panels.theory"}
UNSAFE_MODULES = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "marshal", "shelve"}
UNSAFE_CALLS = {"eval", "exec", "compile", "__import__"}


def module_name(path: Path) -> str:
    """core/plots/curves.py -> core.plots.curves, and a package's __init__.py -> the package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def sources() -> dict[str, str]:
    """Module name -> source of everything but the tests."""
    patterns = ("app.py", "pages/**/*.py", "core/**/*.py", "benchmarks/**/*.py")
    paths = (path for pattern in patterns for path in sorted(ROOT.glob(pattern)))
    return {module_name(path): path.read_text() for path in paths}


def imported(source: str, module: str = "") -> set[str]:
    """Dotted names that `source` imports; `from a import b` gives a.b, since b may be a module."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"Expected {module} to import by full name, but got a relative import."
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def top(name: str) -> str:
    return name.partition(".")[0]


def part_of_core(name: str) -> str | None:
    """core.plots.curves.draw -> plots; None for what is not a module of core."""
    parts = name.split(".")
    return parts[1] if parts[0] == "core" and len(parts) > 1 else None


@cache
def reachable(part: str) -> frozenset[str]:
    """Every module of core that `part` may import."""
    return frozenset(BELOW[part]).union(*(reachable(lower) for lower in BELOW[part]))


def core_modules() -> Iterator[tuple[str, str, str]]:
    """(part, module name, source) of each module in core."""
    for name, source in sources().items():
        if part := part_of_core(name):
            yield part, name, source


def layer(name: str) -> str:
    """The layer of a module: app, pages, shared, components, core or benchmarks."""
    first, second, *_ = [*name.split("."), ""]
    return second if first == "pages" and second in ("shared", "components") else first


def page(name: str) -> str:
    """pages.compare.form -> compare: the page that a module of the layer "pages" is a part of."""
    return name.split(".")[1]


LAYERS_BELOW = {
    "app": {"pages", "shared", "components", "core"},
    "pages": {"pages", "shared", "components", "core"},
    "shared": {"shared", "components", "core"},
    "components": {"components", "core"},
    "core": {"core"},
    "benchmarks": {"benchmarks", "app", "pages", "shared", "core"},
}


def test_every_folder_of_core_has_its_place():
    unknown = sorted({part for part, _, _ in core_modules()} - BELOW.keys())
    assert not unknown, f"Expected BELOW to place every module of core, but {unknown} has no place yet."


def test_core_imports_only_downwards():
    wrong = [
        f"{name} imports {target}"
        for part, name, source in core_modules()
        for target in sorted(imported(source, name))
        if (lower := part_of_core(target)) and lower != part and lower not in reachable(part)
    ]
    assert not wrong, wrong


def test_layers_import_only_downwards():
    wrong = [
        f"{name} imports {target}"
        for name, source in sources().items()
        for target in sorted(imported(source, name))
        if layer(target) in LAYERS_BELOW and layer(target) not in LAYERS_BELOW[layer(name)]
    ]
    assert not wrong, wrong


def test_no_page_imports_from_another():
    wrong = [
        f"{name} imports {target}"
        for name, source in sources().items()
        if layer(name) == "pages"
        for target in sorted(imported(source, name))
        if layer(target) == "pages" and page(target) != page(name)
    ]
    assert not wrong, wrong


def test_panels_know_no_run():
    users = {name for name, source in sources().items() if "core.training.runs.Run" in imported(source, name)}
    assert {name for name in users if top(name) in ("pages", "benchmarks")} == {f"pages.{name}" for name in OF_TRAINING}
    assert not {name for name in users if part_of_core(name) in ("evaluation", "export", "plots", "theory")}


def test_only_the_app_and_its_pages_know_streamlit():
    users = {name for name, source in sources().items() if "streamlit" in map(top, imported(source, name))}
    assert {layer(name) for name in users} <= {"app", "pages", "shared", "components", "benchmarks"}


def test_evaluation_uses_little():
    """numpy and scipy; scikit-learn in calibration, pandas for a table of rows and for groups of them."""
    more = {"core.evaluation.rows": {"pandas"}, "core.evaluation.groups": {"pandas"}}
    for part, name, source in core_modules():
        if part == "evaluation":
            used = set(map(top, imported(source, name))) - {"core"} - sys.stdlib_module_names
            allowed = {"numpy", "scipy"} | ({"sklearn"} if ".calibration" in name else more.get(name, set()))
            assert used <= allowed, name


def test_requirements_list_first_what_the_app_imports():
    listed = (ROOT / "requirements.txt").read_text().partition("\n\n")[0]
    names = set(re.findall(r"^([\w-]+)==", listed, flags=re.MULTILINE))
    of_modules = packages_distributions()
    source_of = {name: source for name, source in sources().items() if layer(name) != "benchmarks"}
    modules = {top(target) for name, source in source_of.items() for target in imported(source, name)}
    used = {of_modules[module][0] for module in modules & of_modules.keys()}
    assert names == used | {"uvloop"}  # which streamlit takes where it is installed


def loaded_by(parts: Iterable[str], package: str) -> bool:
    """Whether importing these parts of core, in a new process, loads a package."""
    modules = sorted(name for part, name, _ in core_modules() if part in parts)
    script = f"import sys, {', '.join(modules)}; print({package!r} in sys.modules)"
    run = [sys.executable, "-c", script]
    shown = subprocess.run(run, cwd=ROOT, capture_output=True, text=True)
    assert shown.stdout.strip() in ("True", "False"), shown.stderr
    return shown.stdout.strip() == "True"


@pytest.mark.parametrize("part", WITHOUT_TORCH)
def test_data_evaluation_and_plots_do_not_load_torch(part: str):
    assert not loaded_by([part], "torch")


def test_importing_all_of_core_leaves_streamlit_out():
    assert not loaded_by(BELOW, "streamlit")


def unsafe(source: str) -> list[str]:
    """What in `source` would unpickle or evaluate something, one sentence each."""
    found = [f"imports {name}" for name in sorted(imported(source)) if top(name) in UNSAFE_MODULES]
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        last = called.rpartition(".")[2]
        has_arguments = bool(node.args or node.keywords)  # model.eval() has none
        evaluates = called in UNSAFE_CALLS or (last == "eval" and has_arguments)
        unpickles = last == "read_pickle" or called == "joblib.load"
        unpickles |= keywords.get("allow_pickle", "False") != "False"
        loads = called == "torch.load" and keywords.get("weights_only") != "True"
        if evaluates or unpickles or loads:
            found.append(f"line {node.lineno} calls {called}")
    return found


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "from pickle import loads",
        "def f():\n    import dill",
        "joblib.load(path)",
        "eval('1')",
        "exec(text)",
        "frame.eval('a + b')",
        "pd.read_pickle(path)",
        "np.load(path, allow_pickle=True)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
    ],
)
def test_unsafe_lines_are_found(line: str):
    assert len(unsafe(line)) == 1


@pytest.mark.parametrize("line", ["model.eval()", "torch.load(path, weights_only=True)", "np.load(path)"])
def test_safe_lines_are_left_alone(line: str):
    assert unsafe(line) == []


def test_nothing_is_unpickled_or_evaluated():
    found = [f"{name} {what}" for name, source in sources().items() for what in unsafe(source)]
    assert not found, found
