"""Routes for programs: open predictions, choose roles, tune a threshold, get operating points, delete.

Every error is JSON with one sentence as `detail` and, where it is known, the choices that repair it as `repair`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.types import ASGIApp

from core.api.access import TokenOnly
from core.api.docs import docs_page
from core.api.receiving import TooLarge, body_file
from core.data.tables import read_table
from core.errors import CutoffError
from core.evaluation.source import ArraySource, tuned_on
from core.evaluation.tuning import LABEL_RULES, rules
from core.predictions.choices import Choices, Settled, assumed, repair_of, settle
from core.predictions.opening import CannotOpen
from core.predictions.operating_points import as_csv, as_json, operating_points
from core.predictions.roles import Scale
from core.predictions.tuned import TunedThreshold, column_of, options, rule_of, tuned_threshold
from core.predictions.tuned_labels import SCUT, TunedLabels, tuned_labels
from core.predictions.uploads import Upload, Uploads, describe

AT_ONCE = 2  # files that are read at the same time
FILE = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}, "required": True}
PARAMETERS = "; ".join(
    f"{', '.join(f'`{option}`' for option in options(rule))} of `{rule}`" for rule in rules() if options(rule)
)
PARAMETER_NAMES = {name for rule in rules() for name in options(rule)}


class Refused(CutoffError):
    """An error with its status and, where they are known, the choices that repair it."""

    def __init__(self, sentence: str, status: int = 422, repair: dict[str, object] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.repair = repair


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Columns(_Given):
    """What is known of the columns of a file; everything else is guessed."""

    y_true: tuple[str, ...] = Field((), description="columns of labels")
    y_score: tuple[str, ...] = Field((), description="columns of scores")
    positive: str | None = Field(None, description="which of two labels is the positive class")
    scale: Scale | None = Field(None, description="what the scores are")
    opposite: bool = Field(False, description="whether the scores are of the negative class")
    weight: str | None = Field(None, description="column of weights; empty for none")
    split: str | None = Field(None, description="column of validation, test or train; empty for none")
    trained_weight: float = Field(1.0, description="weight of the positive class in training, converted back")
    leave_out: bool = Field(False, description="whether rows without a label, score or weight are left out")

    @property
    def choices(self) -> Choices:
        return Choices(**{name: getattr(self, name) for name in Columns.model_fields})


class NamedFile(Columns):
    """A file and what is known of its columns."""

    name: str = Field("", description="name of the file, which the page shows")


class Tuning(_Given):
    """A rule with its parameters, and the class or label whose threshold is tuned."""

    rule: str = Field(description=", ".join(f"`{rule}`" for rule in rules()))
    parameters: dict[str, float] = Field({}, description=PARAMETERS)
    class_name: str | None = Field(None, alias="class", description="class or label, where there are several")


class LabelTuning(_Given):
    """How all labels, or all classes one-vs-rest, are decided."""

    method: str = Field(SCUT, description=", ".join(f"`{name}`" for name in LABEL_RULES) + "; `scut` alone for classes")
    method_parameters: dict[str, float] = Field({}, description="of the method, such as `k`, `least` or `folds`")
    rule: str | None = Field(None, description="what each threshold is tuned by, `f1` by default, where it is asked")
    parameters: dict[str, float] = Field({}, description=PARAMETERS)


class Routes:
    """The routes over a store of uploads.

    uploads : returns the store. most_bytes : of a file. base : path that the server is hosted under, or "".
    """

    def __init__(self, uploads: Callable[[], Uploads], most_bytes: int, base: str) -> None:
        self._uploads = uploads
        self._most_bytes = most_bytes
        self._base = base
        self._turns = CapacityLimiter(AT_ONCE)

    def router(self) -> APIRouter:
        """All routes under /predictions."""
        router = APIRouter(prefix="/predictions")
        one = "/{id}"
        router.add_api_route("", self.open, methods=["POST"], status_code=201, openapi_extra={"requestBody": FILE})
        router.add_api_route(f"{one}/columns", self.choose, methods=["PUT"])
        router.add_api_route(f"{one}/tune", self.tune, methods=["POST"], response_model=TunedThreshold)
        router.add_api_route(f"{one}/tune_labels", self.tune_labels, methods=["POST"], response_model=TunedLabels)
        router.add_api_route(f"{one}/curve", self.curve, methods=["GET"], response_class=Response)
        router.add_api_route(one, self.delete, methods=["DELETE"], status_code=204)
        return router

    async def open(self, request: Request, given: Annotated[NamedFile, Query()]) -> dict[str, Any]:
        """Open the file in the body (CSV, TSV, Parquet, Arrow or NPZ) and return its id, the address of its Workbench
        and what its columns are taken for. No threshold can be tuned while `questions` has "positive"."""
        async with body_file(request, self._most_bytes) as path:
            upload, settled = await to_thread.run_sync(self._kept, path, given, limiter=self._turns)
        return self._described(request, upload, settled)

    def choose(self, request: Request, id: str, given: Columns) -> dict[str, Any]:
        """Say what the columns of an opened file are; what is not said is guessed anew."""
        upload = self._upload(id)
        settled = settle(upload.table, given.choices)
        return self._described(request, self._opened(upload, settled), settled)

    def tune(self, id: str, given: Tuning) -> Response:
        """Tune a threshold: the same object as `cutoff tune --json` prints."""
        upload = self._upload(id)
        source = _source(upload)
        column, rule = column_of(source, given.class_name), rule_of(given.rule, given.parameters)
        found = tuned_threshold(source, column, rule, _notes(upload))
        return Response(found.as_json(), media_type="application/json")

    def tune_labels(self, id: str, given: LabelTuning) -> Response:
        """Tune the thresholds of all labels or classes: the same object as `cutoff tune-labels --json` prints."""
        upload = self._upload(id)
        rule = rule_of(given.rule, given.parameters) if given.rule else None
        found = tuned_labels(_source(upload), given.method, rule, given.method_parameters, _notes(upload))
        return Response(found.as_json(), media_type="application/json")

    def curve(
        self,
        id: str,
        class_name: Annotated[str | None, Query(alias="class", description="where there are several")] = None,
        part: Annotated[str | None, Query(description="validation or test, by default the rows to tune on")] = None,
        format: Annotated[Literal["csv", "json"], Query(description="JSON has a list a column")] = "csv",
    ) -> Response:
        """Counts and metrics at every threshold that gives other predictions, thresholds falling from above every
        score, which is inf in CSV and null in JSON."""
        source = _source(self._upload(id))
        points = operating_points(source, column_of(source, class_name), part or tuned_on(source))
        if format == "json":
            return Response(as_json(points), media_type="application/json")
        return StreamingResponse(as_csv(points), media_type="text/csv")

    def delete(self, id: str) -> None:
        """Delete an opened file at once, for everybody who looks at it."""
        self._upload(id)
        self._uploads().delete(id)

    def _kept(self, path: Path, given: NamedFile) -> tuple[Upload, Settled]:
        """The upload of a file; nothing is kept of one that is refused."""
        table = read_table(path)
        settled = settle(table, given.choices)
        upload = self._uploads().add(table, given.name)
        try:
            return self._opened(upload, settled), settled
        except CutoffError:
            self._uploads().delete(upload.id)
            raise

    def _opened(self, upload: Upload, settled: Settled) -> Upload:
        """The upload with these roles; as it was if a question is open."""
        if settled.missing or (upload.opened and upload.roles == settled.roles):
            return upload
        try:
            return self._uploads().open(upload.id, settled.roles)
        except CannotOpen as error:
            raise Refused(str(error), repair=repair_of(error, settled.roles) or None) from error

    def _upload(self, id: str) -> Upload:
        if self._uploads().peek(id) is None:
            raise Refused("There are no predictions of this id; they are deleted when nobody looks at them.", 404)
        return self._uploads().get(id)

    def _described(self, request: Request, upload: Upload, settled: Settled) -> dict[str, Any]:
        address = request.url.replace(path=f"{self._base}/", query=f"predictions={upload.id}")
        return {
            **describe(upload),
            "url": str(address),
            "minutes": round(self._uploads().seconds / 60),
            "roles": asdict(settled.roles),
            "questions": settled.questions,
            "labels": settled.labels,
            "notes": (*assumed(settled.roles), *(upload.opened.notes if upload.opened else upload.table.notes)),
        }


def create_api(uploads: Callable[[], Uploads], token: str, most_bytes: int, base: str = "") -> ASGIApp:
    """The application to be mounted at /api; everything in it is 404 without a token.

    Parameters
    ----------
    uploads : returns the store of opened files.
    token : that callers must send.
    most_bytes : of a file.
    base : path that the server is hosted under, as in "/cutoff", or "".
    """
    # FastAPI's own pages of documentation load their scripts from another server.
    app = FastAPI(title="Cutoff", docs_url=None, redoc_url=None, openapi_url="/openapi.json")
    app.include_router(Routes(uploads, most_bytes, base).router())

    @app.get("/docs", include_in_schema=False)
    def docs(request: Request) -> HTMLResponse:
        return HTMLResponse(docs_page(app.openapi(), str(request.url.replace(path=f"{base}/api", query=""))))

    @app.exception_handler(CutoffError)
    def refused(_request: Request, error: CutoffError) -> JSONResponse:
        status = 413 if isinstance(error, TooLarge) else error.status if isinstance(error, Refused) else 422
        repair = {"repair": error.repair} if isinstance(error, Refused) and error.repair else {}
        return JSONResponse({"detail": str(error)} | repair, status)

    @app.exception_handler(ClientDisconnect)
    def gone(_request: Request, _error: ClientDisconnect) -> Response:
        return Response(status_code=499)

    @app.exception_handler(RequestValidationError)
    def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"][1:]))
        if first["type"] == "extra_forbidden" and where in PARAMETER_NAMES:
            return JSONResponse({"detail": f'{where} belongs under "parameters": {{"{where}": ...}}.'}, 422)
        return JSONResponse({"detail": f"{where}: {first['msg']}." if where else f"{first['msg']}."}, 422)

    return TokenOnly(app, token)


def _source(upload: Upload) -> ArraySource:
    if upload.source is None:
        raise Refused("These predictions are not open yet: choose what their columns are.", 409)
    return upload.source


def _notes(upload: Upload) -> tuple[str, ...]:
    """What was assumed of the columns of an open upload, and what was changed."""
    assert upload.opened is not None
    assert upload.roles is not None
    return (*assumed(upload.roles), *upload.opened.notes)
