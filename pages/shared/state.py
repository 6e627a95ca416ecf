"""What a session remembers: every key of the session state, what it holds, and its default.

Pages read and write these keys, and give widgets their names, but write no key's text themselves. An element without a
value, such as a figure or a button, has a name of its own where it is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import streamlit as st

from core.data import Task
from core.data.own import ColumnReport
from core.evaluation.calibration import BINS, Binning
from core.evaluation.source import ScoreSource
from core.evaluation.value.payoffs import Payoffs
from core.experiment.config import RunConfig
from core.parameters import Value
from core.plots.style import ProbabilityScale

if TYPE_CHECKING:
    from pages.shared.thresholds import Step

T = TypeVar("T")


@dataclass(frozen=True)
class Key(Generic[T]):
    """A place in the session state; it holds `default` until something is set."""

    name: str
    default: T

    def get(self) -> T:
        value: T = st.session_state.get(self.name, self.default)
        return value

    def set(self, value: T) -> None:
        """Set it; for a widget, in a callback or before the widget is drawn."""
        st.session_state[self.name] = value

    def setdefault(self, value: T | None = None) -> T:
        """Return what is set, else set a value, or `default`, first; for a widget, before it is drawn."""
        if not self.is_set():
            self.set(self.default if value is None else value)
        return self.get()

    def pop(self) -> T:
        """What it holds, which is taken out."""
        value: T = st.session_state.pop(self.name, self.default)
        return value

    def is_set(self) -> bool:
        return self.name in st.session_state


@dataclass(frozen=True)
class Keys(Generic[T]):
    """A key for each source, job, variant or loss, whose ids take the places of {} in the name."""

    name: str
    default: T

    def of(self, *ids: object) -> Key[T]:
        return Key(self.name.format(*ids), self.default)


# --- the choices of the form, and the variants that have them
SETTING: Keys[Any] = Keys("{}", None)  # a field of RunConfig
DATASET: Key[str] = Key("dataset", RunConfig().dataset)
DATA_PARAM: Keys[Any] = Keys("data.{}.{}", None)  # data set, parameter
LOSS_PARAM: Keys[Any] = Keys("loss.{}.{}", None)  # loss, parameter
WIDTHS: Keys[str] = Keys("widths.{}", "")  # model
VARIANTS: Key[Sequence[dict[str, Any]]] = Key("variants", ())
EDITED: Key[int] = Key("edited", 0)  # the variant that the form shows
EDITED_CHOICE: Keys[int] = Keys("edited.{}", 0)  # digest of the names to choose from
NEXT_EDITED: Key[int | None] = Key("next_edited", None)  # the variant to show from the next script run on
NEXT_CONFIG: Key[dict[str, Any] | None] = Key("next_config", None)  # what the form shows from then on
VARIANT_NAME: Keys[str] = Keys("name.{}", "")  # id of a variant
VARIANT_COLOUR: Keys[int | None] = Keys("colour.{}", None)  # id of a variant
SEEDS: Key[int] = Key("seeds", 1)
SWEEP_FIELD: Key[str] = Key("sweep.key", "")
SWEEP_LOW: Keys[float] = Keys("sweep.{}.low", 0.0)  # field
SWEEP_HIGH: Keys[float] = Keys("sweep.{}.high", 0.0)
SWEEP_SPACING: Keys[str] = Keys("sweep.{}.spacing", "log")
SWEEP_STEPS: Key[int] = Key("sweep.steps", 16)
PREVIEW: Key[bool] = Key("preview", False)

# --- jobs and other sources of scores
JOB: Key[str | None] = Key("job", None)  # the one that is looked at
JOBS: Key[Sequence[str]] = Key("jobs", ())  # started or opened by this session, the newest first
STARTED: Key[str] = Key("started", "")  # the one started last
WATCHED: Key[tuple[str, str]] = Key("watched", ("", ""))  # the job on the page and its status when it was drawn
SOURCES: Key[Sequence[ScoreSource]] = Key("sources", ())
UPLOADS: Key[Sequence[str]] = Key("uploads", ())  # ids of opened files, the newest first
DRAWN: Key[tuple[str, int | str]] = Key("drawn", ("", 0))  # id and version of the source that was drawn last
COMPLAINTS: Key[Sequence[str]] = Key("complaints", ())
PACE: Key[str] = Key("pace", "maximum speed")

# --- tables to train on, and the dialog that adds one
TABLES: Key[Sequence[str]] = Key("tables", ())  # data sets that this session made, the newest first
TABLE_ASKED: Key[bool] = Key("table.asked", False)  # whether the dialog is open
TABLE_UPLOAD: Key[str] = Key("table.upload", "")  # the file that the dialog is about
TABLE_PROBLEM: Key[str] = Key("table.problem", "")
TABLE_TARGET: Key[Sequence[str]] = Key("table.target", ())
TABLE_TASK: Key[Task] = Key("table.task", "binary")
TABLE_VALUES: Key[Sequence[str]] = Key("table.values", ())  # of the target of a binary task
TABLE_POSITIVE: Key[str] = Key("table.positive", "")
TABLE_LEFT_OUT: Key[Sequence[str]] = Key("table.left_out", ())
TABLE_REPORTS: Key[Sequence[ColumnReport]] = Key("table.reports", ())

# --- thresholds, and how scores are shown
THRESHOLDS: Keys[Sequence[Step]] = Keys("thresholds.{}", ())  # source; the steps that led to the current ones
THRESHOLDS_BEFORE: Keys[str] = Keys("thresholds.{}.before", "")  # run; the one whose thresholds it begins with
LINKED: Keys[str] = Keys("linked.{}", "")  # parameter of the URL, until the page that takes it is drawn
PART: Key[str] = Key("part", "validation")
GROUP: Keys[str] = Keys("group.{}", "")  # source; of its rows in the picture, "" for all rows
COLUMN: Key[int] = Key("column", 0)  # class or label
ALONE: Key[bool] = Key("column.alone", False)  # whether that one is shown, and not all of them
SCALE: Key[ProbabilityScale] = Key("scale", "logit")
PANEL: Key[str] = Key("panel", "Tune")
DECISION: Keys[tuple[str, dict[str, Value]] | None] = Keys("decision.{}", None)  # source
DECISION_RULE: Keys[str] = Keys("decision.{}.rule", "")
DECISION_FALLBACK: Keys[Any] = Keys("decision.{}.fallback", None)

WENT_BACK: Key[bool] = Key("went_back", False)  # whether the script runs because of Back or Forward in the browser

# --- runs on the Compare page
TRAIN_THRESHOLD: Key[float] = Key("race.threshold", 0.5)
TRUE_PROBABILITY: Key[float] = Key("race.q", 0.5)  # the threshold on it
CONVERTED: Key[bool] = Key("convert", False)
LOG_LOSS: Key[bool] = Key("log_loss", False)
LOOK_BACK: Key[bool] = Key("look_back", False)
CLASS: Keys[int] = Keys("class.{}", 0)  # job
FOCUS: Keys[int] = Keys("focus.{}", 0)  # job; the variant in detail
SEED: Keys[int] = Keys("seed.{}", 0)  # job
RANKED_BY: Key[str] = Key("ranked_by", "")
RANKED: Key[Any] = Key("ranked", None)  # the table, with the row that was clicked
RANKED_ORDER: Key[tuple[str, Sequence[int]]] = Key("ranked.order", ("", ()))  # job, variants as the table has them

# --- the Workbench
PAINTED: Key[bool] = Key("painted", False)  # whether the browser has had the time to draw a first picture
RECIPE: Key[RunConfig] = Key("recipe.config", RunConfig())
RECIPE_BEFORE: Key[RunConfig | None] = Key("recipe.before", None)  # what Undo brings back
RECIPE_CHANGES: Key[Sequence[str]] = Key("recipe.changes", ())  # sentences
RECIPE_PROBLEM: Key[str] = Key("recipe.problem", "")
RECIPE_OF: Key[str] = Key("recipe.of", "")  # the run that was shown when the page was drawn last
RECIPE_TRAINS: Key[bool] = Key("recipe.trains", False)  # at the next script run
RECIPE_CONTROL: Keys[Any] = Keys("recipe.{}", None)  # field, or field and parameter, of the control
RECIPE_PART: Keys[bool] = Keys("part.{}", False)  # whether its popover is open
RECIPE_TAB: Key[str] = Key("recipe.tab", "")  # of the popover that holds the whole recipe on a phone
SHOWN: Key[str] = Key("shown", "")  # source, or run@epoch
SHOWN_BEFORE: Key[str] = Key("shown.before", "")
RESTORED: Key[int] = Key("shown.restored", 0)  # how often an epoch was; the picture then goes to it
SHOWN_WHEN_TRAINED: Keys[str] = Keys("shown.when_trained.{}", "")  # run; what was shown before it
SHOWN_CHOICE: Key[str] = Key("shown_run", "")
CHOOSING_SHOWN: Key[bool] = Key("shown.open", False)
PASSING: Key[str] = Key("passing", "")  # job that a slider started, to be forgotten if the next one overtakes it
REPLAYED: Key[str] = Key("replayed", "")  # job that is played once
AWAITED: Key[tuple[int, RunConfig] | None] = Key("awaited", None)  # epoch of a link to be shown, and its run's choices
IN_SIGHT: Key[str] = Key("in_sight", "")  # key of the container to scroll to
LIVE: Key[bool] = Key("live", False)  # whether the run that is shown was training when the page was drawn
QUESTION: Key[str] = Key("question", "")  # of core.experiment.presets.DEMONSTRATED, above its answer
QUESTION_OVER: Key[str] = Key("question.over", "")  # id of the opened file in whose place the answer stands

# --- the columns of an opened file, in a dialog
ASKED_COLUMNS: Key[str] = Key("columns.of", "")  # the upload that is asked about
ROLE: Keys[Any] = Keys("columns.{}.{}", None)  # upload, field of Roles

# --- the panels of the Workbench
RULE: Key[str] = Key("rule", "")
RULE_PARAM: Keys[Any] = Keys("rule.{}.{}", None)  # rule, parameter
LABEL_RULE: Key[str] = Key("label_rule", "")
LABEL_GOAL: Key[str] = Key("label_rule.goal", "")
LABEL_RULE_PARAM: Keys[Any] = Keys("label_rule.{}.{}", None)  # rule or goal, parameter
TUNED_CURVE: Key[bool] = Key("rule.curve", False)  # whether it is open
TUNED_METRICS: Key[bool] = Key("rule.metrics", False)
OPTIMISM: Key[bool] = Key("optimism", False)
OPTIMISM_ROWS: Key[int] = Key("optimism.rows", 0)
PAYOFFS: dict[str, Key[float]] = {
    name: Key(f"payoff.{name}", value) for name, value in asdict(Payoffs()).items()
}  # by field
UNIT: Key[str] = Key("payoff.unit", "EUR")
VOLUME: Key[float | None] = Key("payoff.volume", None)  # rows per month
REVIEW_COST: Key[float] = Key("review.cost", 0.2)
REVIEW_RIGHT: Key[float] = Key("review.right", 100.0)  # percent
REVIEW_MOST: Key[float | None] = Key("review.most", None)  # reviews per month
PREVALENCE: Keys[float] = Keys("prevalence.{}.{}", 0.5)  # source, column
PREVALENCE_SLIDER: Keys[float] = Keys("prevalence.{}.{}.slider", 0.5)
PREVALENCE_PERCENT: Keys[float | None] = Keys("prevalence.{}.{}.percent", None)
PREVALENCE_AIM: Key[str] = Key("prevalence.aim", "f1")
CALIBRATION: Key[str] = Key("calibration.method", "")
CALIBRATION_BINNING: Key[Binning] = Key("calibration.binning", "width")
CALIBRATION_BINS: Key[int] = Key("calibration.bins", BINS)
CALIBRATION_SCALE: Key[ProbabilityScale] = Key("calibration.scale", "probability")
COMPARED: Key[Sequence[str]] = Key("compare.with", ())  # sources
COMPARED_WITH: Key[str] = Key("compare.of", "")  # the source that they were chosen for
COMPARE_MODE: Key[str] = Key("compare.mode", "own")
COMPARE_THRESHOLD: Key[float] = Key("compare.common", 0.5)
COMPARE_VIEW: Key[str] = Key("compare.view", "")
COMPARE_MEASURE: Key[str] = Key("compare.measure", "f1")
MEASURE_PARAM: Keys[Any] = Keys("compare.{}.{}", None)  # measure, parameter
EXPORT_FORMAT: Key[str] = Key("export.format", "json")
ROWS: Keys[dict[str, Any]] = Keys("rows.{}", {})  # source; what is asked for
ROWS_CONTROL: Keys[Any] = Keys("rows.{}.{}", None)  # what is asked for by name, source
ROWS_WORDS: Keys[str | None] = Keys("rows.{}.{}.words", None)  # what that control says
ROWS_PAGE: Keys[int] = Keys("rows.page {}", 1)  # digest of what is asked for

# --- the Losses page
LOSS_KIND: Key[str] = Key("losses.kind", "classes")
CARDS: Keys[Sequence[int]] = Keys("losses.{}.slots", ())  # kind; the places in use
CARD_LOSS: Keys[str] = Keys("losses.{}.{}.loss", "")  # kind, place
CARD_HEAD: Keys[str] = Keys("losses.{}.{}.{}.head", "")  # kind, place, loss
CARD_ACTIVATION: Keys[str] = Keys("losses.{}.{}.{}.activation", "")
CARD_PARAM: Keys[Any] = Keys("losses.{}.{}.{}.{}", None)  # kind, place, loss, parameter
POSITIVES: Key[float] = Key("losses.positives", 0.1)  # share of positives
LOSS_SCALE: Key[ProbabilityScale] = Key("losses.scale", "logit")
LOSS_TARGET: Key[float] = Key("losses.target", 0.0)
LOSS_THRESHOLD: Key[float] = Key("losses.threshold", 0.5)  # on the true probability
NUMERICAL: Key[str] = Key("losses.numerical", "")  # the loss whose numerical limits are shown
NUMERICAL_LABEL: Key[int] = Key("losses.numerical.y", 0)
SOFTMAX_CLASSES: Key[int] = Key("losses.twice", 10)
LOGIT: Key[float] = Key("losses.logit", 5e-8)
