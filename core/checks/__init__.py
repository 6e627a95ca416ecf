"""Coded checks: what is likely to go wrong with a configuration, and what has gone wrong in a run.

C1.. wiring, C2.. weights and data, C3.. optimisation, C4.. what a run's scores show, and what they are used for. Each
finding is shown beside what causes it.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.checks.after import OF_RUN, OF_SCORES
from core.checks.losses import OF_LOSSES
from core.checks.setting import Found, Setting
from core.checks.spec import Check, Finding
from core.checks.training import TRAINING
from core.checks.uses import OF_USES
from core.checks.weights import WEIGHTS
from core.checks.wiring import WIRING
from core.errors import CutoffError
from core.experiment.compatibility import check
from core.experiment.config import RunConfig
from core.training.runs import Run

BEFORE = WIRING | WEIGHTS | OF_LOSSES | TRAINING
CHECKS: dict[str, Check] = {
    code: entry[0] for registry in (BEFORE, OF_RUN, OF_SCORES, OF_USES) for code, entry in registry.items()
}
ORDER = ("mistake", "caution", "note")


def before(config: RunConfig) -> tuple[Finding, ...]:
    """What is to be said of a valid configuration, the gravest first."""
    setting = Setting(config)
    return _ordered(config, ((code, find(setting)) for code, (_, find) in BEFORE.items()))


def after(run: Run) -> tuple[Finding, ...]:
    """What a run shows, whatever its status, the gravest first."""
    results = [(code, find(run)) for code, (_, find) in OF_RUN.items()]
    if "validation" in run.outputs and run.task != "regression":
        scores = run.scores("validation")
        results += [(code, find_in(run, scores)) for code, (_, find_in) in OF_SCORES.items()]
    return _ordered(run.config, results)


def using(run: Run, column: int, use: str) -> tuple[Finding, ...]:
    """What is to be said of using the scores of a class or label, the gravest first; `use` is the name of a rule that
    tunes a threshold on the validation rows, or of a method that calibrates on them."""
    return _ordered(run.config, ((code, find(run, column, use)) for code, (_, find) in OF_USES.items()))


def _ordered(config: RunConfig, results: Iterable[tuple[str, Found]]) -> tuple[Finding, ...]:
    found = [Finding(code, result[0], _usable(config, result[1])) for code, result in results if result]
    return tuple(sorted(found, key=lambda finding: ORDER.index(CHECKS[finding.code].severity)))


def _usable(config: RunConfig, remedy: dict[str, object] | None) -> dict[str, object] | None:
    """The remedy, unless it changes nothing or can't be trained, as with more rows a batch than there are."""
    if remedy is None or (changed := config.model_copy(update=remedy)) == config:
        return None
    try:
        check(changed)
    except CutoffError:
        return None
    return remedy


__all__ = ["BEFORE", "CHECKS", "Check", "Finding", "after", "before", "using"]
