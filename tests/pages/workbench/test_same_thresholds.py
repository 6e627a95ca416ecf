"""The page, the command line and the API give the same threshold for the same file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.__main__ import main
from core.api.routes import create_api
from core.data.tables import read_table
from pages.shared import services
from tests.conftest import choose, press
from tests.support.asgi import answered
from tests.support.prediction_files import random_file

RULES = ("f1", "youden", "mcc", "accuracy", "jaccard")


@pytest.mark.parametrize("seed", range(10))
def test_page_shell_and_api_agree(app_test: AppTest, tmp_path: Path, capfd: pytest.CaptureFixture[str], seed: int):
    file, rule = random_file(tmp_path, seed), RULES[seed % len(RULES)]
    upload = services.uploads().add(read_table(file.path), file.path.name)
    at = app_test
    at.query_params["predictions"] = upload.id
    at.session_state["panel"] = "tune"
    at.run()
    press(choose(at, "rule", rule), "Use this threshold")
    of_page = at.query_params["current"]

    capfd.readouterr()
    main(["tune", str(file.path), "--rule", rule, "--json"])
    printed = json.loads(capfd.readouterr().out)
    of_shell = "above-all" if printed["above_all"] else printed["threshold"]

    api = create_api(services.uploads, "token", 1 << 20)
    headers = {"authorization": "Bearer token", "content-type": "application/json"}
    body = [json.dumps({"rule": rule}).encode()]
    status, _, answer = answered(api, f"/predictions/{upload.id}/tune", headers, "POST", body)
    assert status == 200
    assert json.loads(answer) == printed
    assert of_page in (of_shell, repr(of_shell)) or float(of_page) == of_shell
