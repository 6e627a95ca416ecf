"""A tuned threshold as one JSON object, the same from the shell and the API, with the numbers that the page shows."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from core.errors import CutoffError
from core.evaluation import METRICS
from core.evaluation.source import ScoreSource, held_out, tuned_on
from core.evaluation.threshold import UNCHOSEN, Domain
from core.evaluation.tuning import Bootstrap, Rule, rules, tune, value_interval
from core.evaluation.value.payoffs import NET_VALUE, bind_paid
from core.experiment.config import PAYOFFS
from core.parameters import Param, Value

# What parameters of rules are called here, where that is not their own name.
OPTIONS = {
    "least": "at_least",
    "cost_fp": "false_positive",
    "cost_fn": "false_negative",
    "benefit_tp": "true_positive",
    "benefit_tn": "true_negative",
}
SHOWN = ("precision", "recall", "f1")
Ends = tuple[float | None, float | None]


class Results(BaseModel):
    """A threshold, and what it does on the rows of one part. Undefined numbers are null.

    threshold: t for `score >= t`; null if it is above every score (`above_all`).
    spread: where the central share `level` of thresholds tuned on resamples lies, null for above every score. It is no
    confidence interval.
    tp, fp, fn, tn: numbers of rows, or sums of their weights.
    value: what the rule reports, named by `metric`, on these rows.
    interval: confidence interval at `level` for the value in the population. On the rows that the threshold was tuned
    on, the whole tuning is repeated on resamples; on other rows the threshold is held fixed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float | None
    above_all: bool
    spread: Ends
    rows: int
    tp: int | float
    fp: int | float
    fn: int | float
    tn: int | float
    precision: float | None
    recall: float | None
    f1: float | None
    value: float | None
    interval: Ends


class TunedThreshold(Results):
    """The threshold that a rule chose, on the rows that it was tuned on and, as `test`, on held-out rows.

    part: the rows that it was tuned on, "all" without a split. class_name: the class or label that it is for.
    metric: name of `value`. estimate: of the value in the population, .632 bootstrap. level: of spread and intervals.
    feasible: whether the rule's constraint could be met. sentence: the choice in words.
    notes: a sentence for each thing that was assumed or changed. test: only where there are test rows.
    """

    part: str
    class_name: str
    rule: str
    parameters: dict[str, Value]
    metric: str
    estimate: float | None
    level: float
    feasible: bool
    sentence: str
    notes: tuple[str, ...]
    test: Results | None

    def as_json(self) -> str:
        """The object as indented JSON, without `test` where there are no test rows."""
        found = self.model_dump()
        if self.test is None:
            del found["test"]
        return json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False)


def options(rule: str) -> dict[str, Param]:
    """The parameters of a rule by the names that they have here; for net value payoffs, which may be negative."""
    return {option_of(param.name): param for param in (PAYOFFS if rule == NET_VALUE else rules()[rule].params)}


def option_of(param: str) -> str:
    """What a parameter of a rule is called here."""
    return OPTIONS.get(param, param)


def rule_of(name: str, given: Mapping[str, object]) -> Rule:
    """The rule of that name; parameters are named as in `options`, and have defaults where they are not given.

    Raises CutoffError for an unknown rule or parameter and for a value out of range.
    """
    if name not in rules():
        raise CutoffError(f"There is no rule {name}; the rules are {', '.join(rules())}.")
    params = options(name)
    if unknown := [option for option in given if option not in params]:
        has = f"its parameters are {', '.join(params)}" if params else "it has none"
        raise CutoffError(f"The rule {name} has no parameter {unknown[0]}; {has}.")
    values = {params[option].name: _checked(option, params[option], value) for option, value in given.items()}
    return bind_paid(name, values)


def _checked(option: str, param: Param, value: object) -> Value:
    try:
        return param.check(value)
    except CutoffError:
        raise CutoffError(f"Expected {option} to be {param.range_text}, but got {value!r}.") from None


def column_of(source: ScoreSource, class_name: str | None) -> int:
    """The score column of a class or label; with one column none has to be named.

    Raises CutoffError, with the names, for a missing or unknown one.
    """
    names = source.scores(tuned_on(source)).column_names
    if class_name is None and len(names) == 1:
        return 0
    if class_name in names:
        return names.index(class_name)
    kind = "labels" if source.task == "multilabel" else "classes"
    wanted = f"{class_name} is none of the" if class_name else "Choose one of the"
    raise CutoffError(f"{wanted} {kind} {', '.join(names)}: each has a threshold of its own.")


def tuned_threshold(source: ScoreSource, column: int, rule: Rule, notes: tuple[str, ...] = ()) -> TunedThreshold:
    """Tune a rule on a score column of a source, as `tune` does, and evaluate its threshold; notes are passed on."""
    found, part, test = tune(source, column, rule), tuned_on(source), held_out(source)
    repeated, choice = found.bootstrap, found.bootstrap.choice
    tuned = _results(source, column, part, repeated, choice.value, repeated.interval)
    held = None
    if test and found.regret:
        interval = value_interval(source, column, rule, choice.threshold, test, repeated.level)
        held = _results(source, column, test, repeated, found.regret.value, interval)
    return TunedThreshold(
        **tuned.model_dump(),
        part=part,
        class_name=source.scores(part).column_names[column],
        rule=rule.spec.name,
        parameters={option_of(name): value for name, value in rule.params},
        metric=rule.spec.value,
        estimate=known(repeated.estimate),
        level=repeated.level,
        feasible=choice.feasible,
        sentence=choice.said,
        notes=notes,
        test=held,
    )


def _results(
    source: ScoreSource, column: int, part: str, repeated: Bootstrap, value: float, interval: tuple[float, float]
) -> Results:
    """The threshold of a bootstrap on the rows of a part, with the rule's value there and its interval."""
    domain = Domain.of(*(source.scores(one) for one in source.parts))
    threshold = repeated.choice.threshold
    counts = source.index(part, column).counts(threshold)
    low, high = (number(domain, end) for end in repeated.threshold_spread)
    return Results(
        threshold=number(domain, threshold),
        above_all=math.isinf(threshold),
        spread=(low, high),
        rows=source.scores(part).n_rows,
        **{outcome: getattr(counts, outcome).item() for outcome in ("tp", "fp", "fn", "tn")},
        **{name: known(float(METRICS[name](counts))) for name in SHOWN},
        value=known(value),
        interval=(known(interval[0]), known(interval[1])),
    )


def number(domain: Domain, threshold: float) -> float | None:
    """The shortest number that is this threshold in the scores' dtype; None above every score."""
    return None if math.isinf(threshold) else domain.admit(threshold, UNCHOSEN).number


def known(value: float) -> float | None:
    """The value; None where it is undefined."""
    return None if math.isnan(value) else value
