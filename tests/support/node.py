"""What a script of the pages computes, asked of it in node, without a browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

SCRIPTS = ROOT / "pages" / "components"
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")


def in_node(folder: Path, script: str, body: str, given: object) -> Any:
    """What `body` returns, a function's body in JavaScript that knows the exports of the script as `m`, and `given`.

    Numbers that are not finite come back as text. `folder` is an empty folder to work in.
    """
    (folder / "package.json").write_text('{"type": "module"}')  # node takes a .js for an older kind of script
    shutil.copytree(SCRIPTS, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"), dirs_exist_ok=True)
    (folder / "given.json").write_text(json.dumps(given))
    program = f"""
        import * as m from "./{script}";
        import {{ readFileSync }} from "node:fs";
        const given = JSON.parse(readFileSync("given.json"));
        const answer = (() => {{ {body} }})();
        console.log(JSON.stringify(answer, (_, x) => typeof x === "number" && !Number.isFinite(x) ? String(x) : x));
    """
    run = ["node", "--input-type=module", "-e", program]
    return json.loads(subprocess.run(run, cwd=folder, capture_output=True, text=True, check=True).stdout)
