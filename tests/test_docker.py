"""The Dockerfile, read as Docker reads it, and its steps run as far as they go without Docker."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[1]


def parse(text: str) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, (NAME, arguments): comments dropped, continuations joined."""
    kept = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", kept)
    pairs = [line.strip().partition(" ") for line in joined.splitlines() if line.strip()]
    return [(name.upper(), rest.strip()) for name, _, rest in pairs]


STEPS = parse((ROOT / "Dockerfile").read_text())


def arguments(name: str) -> list[str]:
    return [rest for step, rest in STEPS if step == name]


def position(name: str, contains: str = "") -> int:
    return next(i for i, (step, rest) in enumerate(STEPS) if step == name and contains in rest)


def environment() -> dict[str, str]:
    """What ENV sets."""
    return dict(pair.split("=", 1) for rest in arguments("ENV") for pair in shlex.split(rest))


def health_command() -> list[str]:
    """The health check in exec form, with the Python that runs this test."""
    command = json.loads(arguments("HEALTHCHECK")[0].partition("CMD ")[2])
    assert command[0] == "python"
    return [sys.executable, *command[1:]]


def copies() -> list[tuple[str, str]]:
    """Every source that COPY names, with its destination."""
    pairs = []
    for rest in arguments("COPY"):
        *sources, target = [word for word in shlex.split(rest) if not word.startswith("--")]
        pairs += [(source, target) for source in sources]
    return pairs


def ignored(path: str, patterns: list[str]) -> bool:
    """Whether .dockerignore leaves `path` out: the last pattern that fits it or a folder above it decides."""
    parts = PurePosixPath(path).parts
    above = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    out = False
    for pattern in patterns:
        glob = re.escape(pattern.lstrip("!").strip("/"))
        expression = glob.replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
        if any(re.fullmatch(expression, name) for name in above):
            out = not pattern.startswith("!")
    return out


def ignore_patterns() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def files_copied() -> Iterator[tuple[Path, Path]]:
    """Every file that the COPY steps bring in: where it lies here, and where in the image's folder."""
    patterns = ignore_patterns()
    for source, target in copies():
        start = ROOT / source
        if start.is_file():
            found = [(start, Path(target) / start.name if target.endswith("/") else Path(target))]
        else:
            inside = (path for path in start.rglob("*") if path.is_file())
            found = [(path, Path(target) / path.relative_to(start)) for path in inside]
        yield from (pair for pair in found if not ignored(pair[0].relative_to(ROOT).as_posix(), patterns))


def test_parse_joins_continuations_and_drops_comments():
    text = '# syntax\nFROM a\nRUN one && \\\n    # why\n    two\n\nCMD ["x"]\n'
    assert parse(text) == [("FROM", "a"), ("RUN", "one &&  two"), ("CMD", '["x"]')]


@pytest.mark.parametrize(
    ("path", "out"),
    [
        ("core/losses.py", False),
        ("core/plots/curves.py", False),
        ("core/__pycache__/losses.pyc", True),
        ("core/keep", False),
        ("tests/test_docker.py", True),
        (".streamlit/secrets.toml", True),
    ],
)
def test_ignored_follows_the_last_pattern_that_fits(path: str, out: bool):
    assert ignored(path, ["*", "!core", "!.streamlit", ".streamlit/secrets.toml", "**/__pycache__"]) == out


def test_base_image_is_slim_and_has_the_python_of_pyproject():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    python = project["requires-python"].removeprefix(">=")
    assert arguments("FROM") == [f"python:{python}-slim"]


def test_cpu_torch_comes_from_an_argument_that_can_be_overridden():
    assert arguments("ARG") == ["PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu"]
    assert position("ARG") < position("RUN", "pip install")
    assert "index" not in " ".join(arguments("RUN"))  # else the argument would not decide


def test_requirements_are_installed_before_the_code_is_copied():
    install = position("RUN", "pip install")
    assert position("COPY", "requirements.txt") < install
    assert all(position("COPY", source) > install for source in ("core", "pages", "app.py", ".streamlit"))


def test_runs_as_a_user_that_is_not_root():
    (user,) = arguments("USER")
    assert user not in ("root", "0")
    assert position("RUN", f"useradd --create-home --uid 1000 {user}") < position("USER") < position("CMD")


def test_environment_suits_production():
    chosen = environment()
    assert chosen["STREAMLIT_SERVER_ADDRESS"] == "0.0.0.0"
    assert chosen["STREAMLIT_CLIENT_SHOW_ERROR_DETAILS"] == "none"
    assert arguments("EXPOSE") == [chosen["STREAMLIT_SERVER_PORT"]]


@pytest.mark.parametrize("source", [source for source, _ in copies()])
def test_what_is_copied_exists_and_is_not_ignored(source: str):
    assert (ROOT / source).exists()
    assert not ignored(source, ignore_patterns())


def test_only_what_the_app_needs_goes_into_the_image():
    assert {source for source, _ in copies()} == {"requirements.txt", ".streamlit", "core", "pages", "app.py"}


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".venv/bin/python",
        ".streamlit/secrets.toml",
        "README.md",
        "core/__pycache__/errors.pyc",
        "data/runs.db",
        "pages/shared/__pycache__/keys.pyc",
        "tests/test_docker.py",
    ],
)
def test_what_the_app_does_not_need_is_ignored(path: str):
    assert ignored(path, ignore_patterns())


def test_start_command_is_that_of_make_run():
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "--dry-run", "--no-print-directory", "run"]
    shown = subprocess.run(command, cwd=ROOT, env=plain, capture_output=True, text=True, check=True).stdout
    program, *rest = shlex.split(re.sub(r"--server\.(port|address)[ =]\S+", "", shown.splitlines()[-1]))
    assert json.loads(arguments("CMD")[0]) == [Path(program).name, *rest]


@contextlib.contextmanager
def tiny_server(status: int) -> Iterator[int]:
    """A server on a free port that answers the health address with `status` and everything else with 404."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/_stcore/health" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def healthy(port: int) -> bool:
    """Whether the Dockerfile's own health check is content with what listens on `port`."""
    chosen = {**os.environ, **environment(), "STREAMLIT_SERVER_PORT": str(port)}
    return subprocess.run(health_command(), env=chosen, capture_output=True).returncode == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_health_check_needs_no_curl_and_tells_health_from_illness():
    assert "curl" not in " ".join(rest for _, rest in STEPS)
    with tiny_server(200) as port:
        assert healthy(port)
    with tiny_server(503) as port:
        assert not healthy(port)
    assert not healthy(free_port())


@pytest.fixture
def image() -> Iterator[Path]:
    """A folder with what COPY brings in, beside a new virtual environment; both are removed afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        app = Path(folder) / "app"
        for source, target in files_copied():
            (app / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, app / target)
        subprocess.run([sys.executable, "-m", "venv", f"{folder}/venv"], check=True)
        yield app


@pytest.mark.slow
def test_steps_install_the_pinned_torch_and_start_an_app_that_answers(image: Path):
    # pip ignores an empty PIP_EXTRA_INDEX_URL, as in a build for a GPU: its own configuration then decides.
    home, port = image.parent, free_port()
    chosen = {
        "PATH": f"{home}/venv/bin:{os.environ['PATH']}",
        "HOME": str(home),
        **{name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "LANG"))},
        **{name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")},
        **environment(),
        "PIP_EXTRA_INDEX_URL": "",
        "STREAMLIT_SERVER_PORT": str(port),
    }
    install = arguments("RUN")[0]
    assert install.startswith("pip install")
    done = subprocess.run(install, shell=True, cwd=image, env=chosen, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]

    version = [f"{home}/venv/bin/python", "-c", "import torch; print(torch.__version__)"]
    shown = subprocess.run(version, env=chosen, capture_output=True, text=True, check=True).stdout
    assert shown.strip().partition("+")[0] == "2.13.0"

    # Popen looks a program up in this process's PATH, not in the one that it is given.
    program, *rest = json.loads(arguments("CMD")[0])
    command = [f"{home}/venv/bin/{program}", *rest]
    log = home / "log"
    with log.open("w") as output:
        app = subprocess.Popen(command, cwd=image, env=chosen, stdout=output, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 120
        while not healthy(port):
            assert app.poll() is None, f"The app ended before it answered:\n{log.read_text()[-3000:]}"
            assert time.monotonic() < deadline, f"The app never answered:\n{log.read_text()[-3000:]}"
            time.sleep(0.5)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as page:
            assert page.status == 200
    finally:
        app.terminate()
        try:
            app.wait(20)
        except subprocess.TimeoutExpired:
            app.kill()
            app.wait()
