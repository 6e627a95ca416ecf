"""The command line: `python -m core tune FILE` and `python -m core curve FILE`; installed, the command is `cutoff`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn

import click

from core.data.tables import read_table
from core.errors import CutoffError
from core.evaluation.source import About, ArraySource, rows_label, tuned_on
from core.evaluation.tuning import LABEL_RULES, rules
from core.parameters import Param
from core.predictions.choices import Choices, UnknownPositive, assumed, repair_of, settle
from core.predictions.guess import NoScores
from core.predictions.opening import CannotOpen, Opened, open_predictions
from core.predictions.operating_points import as_csv, operating_points
from core.predictions.roles import SCALES
from core.predictions.tuned import Ends, TunedThreshold, column_of, options, rule_of, tuned_threshold
from core.predictions.tuned_labels import SCUT, TunedLabels, tuned_labels
from core.text import shortened

BAD_INPUT = 2  # exit status
OPPOSITE = "ROC-AUC is below 0.5: these scores seem to be of the other class (--opposite)."
REPAIRS = {
    "leave_out": "--leave-out leaves these rows out",
    "scale": "--scale margin takes them as they are",
    "split": '--split-column "" takes all rows as one part',
}
Command = Callable[..., None]


def of_file(command: Command) -> Command:
    """The argument and the options that say which file is read, and what its columns are."""
    file = click.Path(exists=True, dir_okay=False, path_type=Path)
    for decorate in reversed(
        (
            click.argument("file", type=file),
            click.option("--class", "class_name", metavar="NAME", help="Class or label, where there are several."),
            click.option("--y-true", multiple=True, metavar="COLUMN", help="Labels; once for each of several columns."),
            click.option(
                "--y-score", multiple=True, metavar="COLUMN", help="Scores; once for each of several columns."
            ),
            click.option("--positive", metavar="VALUE", help="Which of two labels is the positive class."),
            click.option("--scale", type=click.Choice(list(SCALES)), help="What the scores are."),
            click.option("--opposite", is_flag=True, help="The scores are of the negative class."),
            click.option("--weight-column", "weight", metavar="COLUMN", help='Weights of rows; "" for none.'),
            click.option("--split-column", "split", metavar="COLUMN", help='validation, test or train; "" for none.'),
            click.option(
                "--trained-weight",
                type=float,
                default=1.0,
                metavar="NUMBER",
                help="Weight of the positive class in training; converts the scores back to probabilities.",
            ),
            click.option("--leave-out", is_flag=True, help="Leave rows without a label, score or weight out."),
        )
    ):
        command = decorate(command)
    return command


def of_rules(command: Command) -> Command:
    """An option for each parameter that a rule may have."""
    for name, having in reversed(_having().items()):
        param = options(having[0])[name]
        command = click.option(
            f"--{name.replace('_', '-')}",
            name,
            type=click.FloatRange(param.low, param.high),
            metavar="NUMBER",
            help=f"For {', '.join(having)}; default {param.default}.",
        )(command)
    return command


def of_methods(command: Command) -> Command:
    """An option for each parameter that a way to decide labels may have."""
    for name, param in reversed(_of_methods().items()):
        having = [rule for rule, spec in LABEL_RULES.items() if param in spec.params]
        kind = click.INT if param.integer else click.FLOAT
        command = click.option(
            f"--{name}", name, type=kind, metavar="NUMBER", help=f"For {', '.join(having)}; default {param.default}."
        )(command)
    return command


def _of_methods() -> dict[str, Param]:
    """The parameters of ways to decide labels, by name."""
    return {param.name: param for spec in LABEL_RULES.values() for param in spec.params}


def _having() -> dict[str, list[str]]:
    """The rules that have each option, by the name of the option."""
    found: dict[str, list[str]] = {}
    for rule in rules():
        for name in options(rule):
            found.setdefault(name, []).append(rule)
    return found


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def commands() -> None:
    """Tune the threshold of a classifier: FILE has a row for each prediction, as CSV, Parquet, Arrow or NPZ.

    Columns named y_true and y_score need no options.
    """


@commands.command()
@of_file
@click.option("--rule", type=click.Choice(list(rules())), required=True, metavar="RULE", help=", ".join(rules()) + ".")
@of_rules
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def tune(file: Path, class_name: str | None, rule: str, as_json: bool, **given: object) -> None:
    """Print the threshold that a rule finds, with its spread over resamples, metrics and intervals.

    It is tuned on the validation rows, or on all rows of a file without a split column; test rows only evaluate it.
    """
    opened = _opened(file, given)
    column = _column(opened.source, class_name)
    params = {name: given[name] for name in _having() if given[name] is not None}
    found = tuned_threshold(opened.source, column, rule_of(rule, params), opened.notes)
    for note in opened.notes:
        click.echo(f"Note: {note}", err=True)
    click.echo(found.as_json() if as_json else "\n".join(_lines(found)))


@commands.command()
@of_file
@click.option(
    "--method",
    type=click.Choice(list(LABEL_RULES)),
    default=SCUT,
    show_default=True,
    metavar="METHOD",
    help="How labels are decided: " + ", ".join(LABEL_RULES) + "; scut alone for classes.",
)
@click.option(
    "--rule",
    type=click.Choice(list(rules())),
    metavar="RULE",
    help="What each threshold is tuned by, f1 by default, for "
    + ", ".join(n for n, s in LABEL_RULES.items() if s.takes_rule)
    + ".",
)
@of_rules
@of_methods
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def tune_labels(
    file: Path, class_name: str | None, method: str, rule: str | None, as_json: bool, **given: object
) -> None:
    """Print the thresholds of all labels, or of all classes one-vs-rest, tuned at once.

    They are tuned on the validation rows, or on all rows of a file without a split column.
    """
    if class_name is not None:
        raise CutoffError("All labels are tuned; for one of them use tune.")
    opened = _opened(file, given)
    params = {name: given[name] for name in _having() if given[name] is not None}
    if params and not rule:
        raise CutoffError("Choose a rule for these parameters (--rule).")
    own: dict[str, Any] = {name: given[name] for name in _of_methods() if given[name] is not None}
    found = tuned_labels(opened.source, method, rule_of(rule, params) if rule else None, own, opened.notes)
    for note in opened.notes:
        click.echo(f"Note: {note}", err=True)
    click.echo(found.as_json() if as_json else "\n".join(_label_lines(found)))


@commands.command()
@of_file
@click.option("--part", metavar="NAME", help="validation or test; by default the rows that thresholds are tuned on.")
def curve(file: Path, class_name: str | None, part: str | None, **given: object) -> None:
    """Print counts and metrics at every threshold as CSV, thresholds falling from inf (nothing predicted positive)."""
    opened = _opened(file, given)
    points = operating_points(opened.source, _column(opened.source, class_name), part or tuned_on(opened.source))
    for note in opened.notes:
        click.echo(f"Note: {note}", err=True)
    for text in as_csv(points):
        sys.stdout.buffer.write(text)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line with these arguments, by default those of the process.

    Bad input ends it with one sentence and status BAD_INPUT.
    """
    try:
        commands(arguments, standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(BAD_INPUT)
    except click.ClickException as error:
        _refuse(error.format_message())
    except CutoffError as error:
        _refuse(str(error))
    except BrokenPipeError:  # whoever read the output, such as head, has enough; Python would complain as it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refuse(sentence: str) -> NoReturn:
    click.echo(" ".join(sentence.split()), err=True)
    sys.exit(BAD_INPUT)


def _opened(file: Path, given: dict[str, object]) -> Opened:
    """The predictions in a file, with notes on what was assumed; raises CutoffError, which names the option that would
    help."""
    table = read_table(file)
    choices = Choices(**{field.name: given[field.name] for field in fields(Choices)})  # type: ignore[arg-type]
    try:
        settled = settle(table, choices)
    except NoScores as error:
        raise _with_option(str(error), "--y-score") from None
    except UnknownPositive as error:
        raise _with_option(str(error), "--positive") from None
    if settled.missing:
        raise _with_option(settled.missing, "--positive")
    try:
        opened = open_predictions(table, settled.roles, About(file.name, "opened from a file"))
    except CannotOpen as error:
        repairs = [REPAIRS[name] for name in repair_of(error, settled.roles)]
        raise CutoffError(f"{str(error).removesuffix('.')}; {repairs[0]}." if repairs else str(error)) from None
    if "opposite" in settled.questions:
        click.echo(f"Note: {OPPOSITE}", err=True)
    return Opened(opened.source, (*assumed(settled.roles), *opened.notes))


def _column(source: ArraySource, class_name: str | None) -> int:
    """The column of --class; raises CutoffError, which names the option, as `column_of` does."""
    try:
        return column_of(source, class_name)
    except CutoffError as error:
        raise _with_option(str(error), "--class") from None


def _with_option(sentence: str, option: str) -> CutoffError:
    return CutoffError(f"{sentence.removesuffix('.')} ({option}).")


def _lines(found: TunedThreshold) -> Iterator[str]:
    """The threshold for people to read: a sentence, and a table with a column for each part."""
    yield found.sentence
    yield f"Spread of the threshold: {_ends(found.spread, 'above every score')} on {found.level:.0%} of resamples."
    yield (
        f"{found.metric} to be expected on new rows: {_shown(found.estimate)}, {found.level:.0%} interval "
        f"{_ends(found.interval, 'undefined')}. The numbers of {rows_label(found.part)} below are in-sample "
        "(optimistic)."
    )
    yield ""
    parts = {found.part: found, "test": found.test} if found.test else {found.part: found}
    names = ("rows", "tp", "fp", "fn", "tn", "precision", "recall", "f1")
    rows = [(name, [_shown(getattr(results, name)) for results in parts.values()]) for name in names]
    interval = f"{found.metric}, {found.level:.0%} interval"
    rows.append((interval, [_ends(results.interval, "undefined") for results in parts.values()]))
    for name, cells in [(f"threshold {_shown(found.threshold, 'above every score')}", list(parts)), *rows]:
        yield "  ".join([f"{name:<32}", *(f"{cell:>16}" for cell in cells)])


def _label_lines(found: TunedLabels) -> Iterator[str]:
    """The thresholds for people to read: a sentence, and a table with a line for each label."""
    yield found.sentence
    yield f"The numbers of {rows_label(found.part)} below are in-sample (optimistic)."
    yield ""
    parts = list(found.labels[0].parts)
    yield "  ".join([f"{'':<24}", f"{'threshold':>18}", *(f"{f'F1, {part}':>16}" for part in parts)])
    for label in found.labels:
        shown = "above every score" if label.above_all else _shown(label.threshold, "none")
        cells = [_shown(label.parts[part]["f1"]) for part in parts]
        yield "  ".join([f"{shortened(label.name, 24):<24}", f"{shown:>18}", *(f"{cell:>16}" for cell in cells)])
    for part, totals in found.totals.items():
        yield f"{part.capitalize()}: micro F1 {_shown(totals['micro_f1'])}, macro F1 {_shown(totals['macro_f1'])}."


def _ends(ends: Ends, absent: str) -> str:
    low, high = (_shown(end, absent) for end in ends)
    return f"{low} to {high}"


def _shown(value: float | None, absent: str = "undefined") -> str:
    if value is None:
        return absent
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}"


if __name__ == "__main__":
    main()
