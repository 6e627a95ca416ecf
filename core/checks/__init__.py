"""Coded checks of configurations before training, and of runs and their scores.

C1.. check the output (final activation, head and loss), C2.. weights and data, C3.. optimisation, C4.. the scores of a
run and how they are used. Each finding is shown beside its cause.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping

from core.checks.context import Context
from core.checks.finding import Check, Finding, Found
from core.checks.optimisation import OPTIMISATION
from core.checks.output import OUTPUT
from core.checks.rules_and_calibration import OF_CALIBRATION, OF_RULES
from core.checks.runs import OF_RUN, OF_SCORES
from core.checks.shape_of_loss import SHAPE_OF_LOSS
from core.checks.weights import WEIGHTS
from core.errors import CutoffError
from core.evaluation.source import ScoreSource
from core.experiment.compatibility import check
from core.experiment.config import RunConfig
from core.training.runs import Run

# Views of the registries, which a ChainMap goes through from the last to the first.
OF_CONFIG: Mapping[str, Check] = ChainMap(OPTIMISATION, SHAPE_OF_LOSS, WEIGHTS, OUTPUT)
CHECKS: Mapping[str, Check] = ChainMap(
    OF_CALIBRATION, OF_RULES, OF_SCORES, OF_RUN, OPTIMISATION, SHAPE_OF_LOSS, WEIGHTS, OUTPUT
)
ORDER = ("mistake", "caution", "note")


def of_config(config: RunConfig) -> tuple[Finding, ...]:
    """Findings on a valid configuration, the most severe first."""
    context = Context(config)
    return _ordered(config, ((code, each.find(context)) for code, each in OF_CONFIG.items()))


def of_output(config: RunConfig) -> tuple[Finding, ...]:
    """Findings on final activation, head and loss of a valid configuration, the most severe first."""
    context = Context(config)
    return _ordered(config, ((code, each.find(context)) for code, each in OUTPUT.items()))


def of_run(run: Run) -> tuple[Finding, ...]:
    """Findings on a run in any status, the most severe first."""
    results = [(code, each.find(run)) for code, each in OF_RUN.items()]
    if "validation" in run.outputs and run.task != "regression":
        scores = run.scores("validation")
        results += [(code, each.find(run, scores)) for code, each in OF_SCORES.items()]
    return _ordered(run.config, results)


def of_rule(source: ScoreSource, column: int, rule: str) -> tuple[Finding, ...]:
    """Findings on tuning the threshold of a class or label, the most severe first.

    Parameters
    ----------
    source : the scores.
    column : the class or label.
    rule : key in core.evaluation.tuning.RULES.
    """
    return _ordered(source.config, ((code, each.find(source, column, rule)) for code, each in OF_RULES.items()))


def of_calibration(source: ScoreSource, column: int, method: str) -> tuple[Finding, ...]:
    """Findings on calibrating the scores of a class or label, the most severe first.

    Parameters
    ----------
    source : the scores.
    column : the class or label.
    method : key in core.evaluation.calibration.METHODS.
    """
    results = ((code, each.find(source, column, method)) for code, each in OF_CALIBRATION.items())
    return _ordered(source.config, results)


def _ordered(config: RunConfig | None, results: Iterable[tuple[str, Found]]) -> tuple[Finding, ...]:
    found = [Finding(code, result[0], _usable(config, result[1])) for code, result in results if result]
    return tuple(sorted(found, key=lambda finding: ORDER.index(CHECKS[finding.code].severity)))


def _usable(config: RunConfig | None, remedy: dict[str, object] | None) -> dict[str, object] | None:
    """The remedy; None if it changes nothing, can't be trained, or the configuration is unknown."""
    if remedy is None or config is None or (changed := config.model_copy(update=remedy)) == config:
        return None
    try:
        check(changed)
    except CutoffError:
        return None
    return remedy


__all__ = ["CHECKS", "OF_CONFIG", "Check", "Finding", "of_calibration", "of_config", "of_output", "of_rule", "of_run"]
