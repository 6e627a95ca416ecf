"""The API: its numbers are those of the command line, only the token opens it, and nothing is left behind."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pandas as pd
import pytest

from core.__main__ import main
from core.api.routes import create_api
from core.data.tables import Table
from core.predictions.examples import EXAMPLES
from core.predictions.operating_points import MOST_AS_JSON
from core.predictions.uploads import Upload, Uploads
from tests.support.asgi import answered
from tests.support.prediction_files import predictions, random_file

TOKEN = "correct-horse"
LIMIT = 1 << 20


class Listed(Uploads):
    """A store that lists what was added to it."""

    def __init__(self) -> None:
        super().__init__(seconds=60, most_bytes=1 << 30)
        self.added: list[str] = []

    def add(self, table: Table, name: str) -> Upload:
        upload = super().add(table, name)
        self.added.append(upload.id)
        return upload


class Client:
    """Calls an API over a store of its own."""

    def __init__(self, token: str = TOKEN) -> None:
        self.uploads = Listed()
        self.app = create_api(lambda: self.uploads, TOKEN, LIMIT, "/cutoff")
        self.headers = {"authorization": f"Bearer {token}", "host": "app.example", "content-type": "application/json"}

    def raw(self, method: str, path: str, body: bytes = b"") -> tuple[int, Mapping[str, str], bytes]:
        pieces = [body[at : at + 1000] for at in range(0, len(body), 1000)] or [b""]
        path, _, query = path.partition("?")
        return answered(self.app, path, self.headers, method, pieces, query)

    def call(self, method: str, path: str, content: object = None, expected: int = 200) -> Any:
        body = content if isinstance(content, bytes) else json.dumps(content).encode() if content is not None else b""
        status, _, answer = self.raw(method, path, body)
        assert status == expected, answer
        return json.loads(answer) if answer else None

    def open(self, content: bytes, expected: int = 201, **choices: object) -> Any:
        return self.call("POST", f"/predictions?{urlencode(choices, doseq=True)}", content, expected)


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture(autouse=True)
def no_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []


def as_csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False).encode()


GOOD = as_csv(predictions(300, seed=2))
NAMED = as_csv(predictions(300, seed=2).assign(y_true=lambda frame: np.where(frame["y_true"] == 1, "fraud", "ok")))


@pytest.mark.parametrize("seed", range(10))
def test_it_gives_the_object_that_the_command_line_prints(
    tmp_path: Path, client: Client, capfd: pytest.CaptureFixture[str], seed: int
):
    file = random_file(tmp_path, seed)
    opened = client.open(file.path.read_bytes(), name=file.path.name)
    for rule, parameters in {"f1": {}, "precision": {"at_least": 0.6}, "cost": {"false_negative": 9.0}}.items():
        options = [f"--{name.replace('_', '-')}={value}" for name, value in parameters.items()]
        main(["tune", str(file.path), "--json", "--rule", rule, *options])
        printed = json.loads(capfd.readouterr().out)
        assert (
            client.call("POST", f"/predictions/{opened['id']}/tune", {"rule": rule, "parameters": parameters})
            == printed
        )
    main(["curve", str(file.path)])
    status, headers, curve = client.raw("GET", f"/predictions/{opened['id']}/curve")
    assert (status, headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert curve.decode() == capfd.readouterr().out


def test_what_is_opened_has_an_address_on_the_workbench(client: Client):
    opened = client.open(GOOD, name="../etc/scores.csv")
    assert len(opened["id"]) == 32
    assert opened["url"] == f"http://app.example/cutoff/?predictions={opened['id']}"
    assert (opened["name"], opened["rows"], opened["columns"]) == ("scores.csv", 300, ["y_true", "y_score"])
    assert (opened["roles"]["y_true"], opened["questions"]) == (["y_true"], [])
    assert client.uploads.get(opened["id"]).source is not None


def test_the_positive_class_is_asked_for_and_can_be_chosen_later_or_at_once(client: Client):
    asked = client.open(NAMED)
    assert (asked["questions"], asked["labels"]) == (["positive"], ["fraud", "ok"])
    path = f"/predictions/{asked['id']}"
    assert "not open yet" in client.call("POST", f"{path}/tune", {"rule": "f1"}, expected=409)["detail"]
    assert "never is spam" in client.call("PUT", f"{path}/columns", {"positive": "spam"}, expected=422)["detail"]
    assert client.call("PUT", f"{path}/columns", {"positive": "fraud"})["questions"] == []
    later = client.call("POST", f"{path}/tune", {"rule": "f1"})
    at_once = client.open(NAMED, positive="fraud")
    assert client.call("POST", f"/predictions/{at_once['id']}/tune", {"rule": "f1"}) == later


def test_columns_can_be_named_and_several_classes_have_a_threshold_each(client: Client):
    q = np.random.default_rng(0).dirichlet([1, 1, 1], 300)
    frame = pd.DataFrame(
        {"kind": np.array(["a", "b", "c"])[q.argmax(axis=1)], "x": q[:, 0], "y": q[:, 1], "z": q[:, 2]}
    )
    opened = client.open(as_csv(frame), y_true="kind", y_score=["x", "y", "z"])
    assert opened["classes"] == ["a", "b", "c"]
    path = f"/predictions/{opened['id']}/tune"
    assert "Choose one of the classes a, b, c" in client.call("POST", path, {"rule": "f1"}, expected=422)["detail"]
    assert client.call("POST", path, {"rule": "f1", "class": "b"})["class_name"] == "b"
    status, _, curve = client.raw("GET", f"/predictions/{opened['id']}/curve?class=b")
    assert status == 200
    assert len(pd.read_csv(io.BytesIO(curve))) == 301


def test_all_labels_are_tuned_as_from_the_shell(client: Client, capsys: pytest.CaptureFixture[str]):
    example = EXAMPLES["yeast"]
    opened = client.open(example.path.read_bytes())
    path = f"/predictions/{opened['id']}/tune_labels"
    given = {"method": "scut", "rule": "precision", "parameters": {"at_least": 0.6}}
    main(["tune-labels", str(example.path), "--rule", "precision", "--at-least", "0.6", "--json"])
    assert client.call("POST", path, given) == json.loads(capsys.readouterr().out)
    own = {"method": "rcut", "method_parameters": {"k": 3}}
    assert client.call("POST", path, own)["sentence"].startswith("The 3 highest labels")
    assert "no method" in client.call("POST", path, {"method": "best"}, expected=422)["detail"]


def test_points_as_json_are_those_of_csv(client: Client):
    opened = client.open(GOOD)
    path = f"/predictions/{opened['id']}/curve"
    found = client.call("GET", f"{path}?format=json")
    csv = pd.read_csv(io.BytesIO(client.raw("GET", path)[2]))
    assert found["threshold"][0] is None
    np.testing.assert_array_equal(found["threshold"][1:], csv["threshold"][1:])
    for name in ("tp", "fp", "fn", "tn", "precision", "recall", "f1"):
        np.testing.assert_allclose(np.array(found[name], float), csv[name])


def test_what_is_deleted_is_gone(client: Client):
    path = f"/predictions/{client.open(GOOD)['id']}"
    client.call("DELETE", path, expected=204)
    for method, of in (("DELETE", path), ("GET", f"{path}/curve"), ("PUT", f"{path}/columns")):
        assert "no predictions of this id" in client.call(method, of, {} if method == "PUT" else None, 404)["detail"]


@pytest.mark.parametrize(
    ("content", "choices", "sentence"),
    [
        (b"", {}, ""),
        (b"a,b\nx,y\n", {}, "neither labels nor scores"),
        (GOOD, {"positive": "yes"}, "y_true never is yes"),
        (GOOD, {"y_score": "logit"}, "no column logit"),
        (GOOD, {"scale": "odds"}, "scale: Input should be"),
        (GOOD, {"colour": "red"}, "colour: Extra inputs are not permitted."),
        (GOOD, {"trained_weight": 0}, "above 0"),
    ],
)
def test_bad_files_and_choices_are_refused_and_nothing_is_kept(
    client: Client, content: bytes, choices: dict[str, object], sentence: str
):
    assert sentence in client.open(content, expected=422, **choices)["detail"]
    assert all(client.uploads.peek(upload) is None for upload in client.uploads.added)


def test_what_would_repair_a_file_is_said(client: Client):
    frame = predictions(300, seed=2)
    frame.loc[3, "y_score"] = np.nan
    refused = client.open(as_csv(frame), expected=422)
    assert refused["repair"] == {"leave_out": True}
    assert client.open(as_csv(frame), **refused["repair"])["rows"] == 300


def test_a_larger_file_is_refused_whether_it_says_so_or_not(client: Client):
    large = GOOD + b"0,0.5\n" * LIMIT
    assert client.open(large, expected=413)["detail"] == "The file is larger than 1 MB, the limit here."
    client.headers["content-length"] = str(len(large))
    assert client.open(b"", expected=413)
    client.headers |= {"content-length": "3"}  # what a body really has is counted
    assert client.open(large, expected=413)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"rule": "best"}, "There is no rule best"),
        (
            {"rule": "precision", "parameters": {"at_least": 2}},
            "Expected at_least to be a number from 0 to 1",
        ),
        ({"rule": "f1", "parameters": {"beta": 2}}, "The rule f1 has no parameter beta"),
        ({"rule": "cost", "parameters": {"false_positive": "dear"}}, "parameters.false_positive: Input should be"),
        ({"rule": "cost", "false_positive": 1}, 'false_positive belongs under "parameters": {"false_positive": ...}.'),
        ({"rule": "cost", "colour": 1}, "colour: Extra inputs are not permitted."),
        ({}, "rule: Field required."),
        ([], "Input should be"),
    ],
)
def test_other_rules_are_refused_in_a_sentence(client: Client, given: object, sentence: str):
    path = f"/predictions/{client.open(GOOD)['id']}/tune"
    assert client.call("POST", path, given, expected=422)["detail"].startswith(sentence)


@pytest.mark.parametrize("token", ["", "correct-hors", "correct-horse2", "Correct-horse", "ünlesbar"])
def test_only_the_token_opens_it(token: str):
    client = Client(token)
    for method, path in (("POST", "/predictions"), ("GET", "/predictions/a/curve"), ("GET", "/nothing")):
        status, headers, body = client.raw(method, path, GOOD)
        assert (status, headers["www-authenticate"]) == (401, "Bearer")
        assert b"Authorization: Bearer TOKEN" in body
    assert client.raw("GET", "/docs")[0] == 200


@pytest.mark.parametrize("path", ["/predictions", "/docs", "/openapi.json", "/"])
def test_without_a_token_there_is_no_api(path: str):
    off = create_api(lambda: Uploads(60, 1), "", LIMIT)
    for authorization in ("Bearer ", "Bearer", ""):
        assert answered(off, path, {"authorization": authorization})[0] == 404


def test_its_documentation_names_every_operation_and_asks_no_other_server(client: Client):
    page = client.raw("GET", "/docs")[2].decode()
    schema = client.call("GET", "/openapi.json")
    operations = [(method, path) for path, found in schema["paths"].items() for method in found]
    assert len(operations) == 6
    for method, path in operations:
        assert f"<b>{method.upper()}</b>/cutoff/api{path}" in page
    assert page.count("<pre>") == page.count("curl -H") == len(operations)
    assert "src=" not in page
    assert [part.split('"')[0] for part in page.split('href="')[1:]] == ["http://app.example/cutoff/api/openapi.json"]


def test_too_many_points_are_no_json(client: Client):
    frame = pd.DataFrame({"y_true": np.arange(MOST_AS_JSON + 1) % 2, "y_score": np.arange(MOST_AS_JSON + 1) / 2e5})
    content = io.BytesIO()
    frame.to_parquet(content)
    opened = client.open(content.getvalue())
    refused = client.call("GET", f"/predictions/{opened['id']}/curve?format=json", expected=422)
    assert refused["detail"].startswith("As JSON there may be 100,000 points")
