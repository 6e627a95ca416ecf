"""Thresholds as PyTorch source: from the outputs of the head to probabilities and decisions."""

from __future__ import annotations

from core.data import load_dataset, load_split
from core.errors import CutoffError
from core.evaluation import NO_CLASS
from core.experiment.compatibility import shape_of
from core.experiment.config import RunConfig
from core.export.record import ThresholdRecord
from core.export.source import class_names, header, imports, in_words, number, rule_source, thresholds
from core.losses import LOSSES
from core.losses.heads import ACTIVATIONS, HEADS
from core.losses.objective import resolved

CODE = '''{header}
{imports}import torch
from torch import Tensor, nn

{class_names}
{thresholds}

head = nn.Linear({inputs}, {outputs})  # {label}: the last layer of the network, without its final activation


def probabilities(z: Tensor) -> Tensor:
    """p ({shape}) from the outputs of the head z (N, {outputs}).

    Another device or version of PyTorch may round p differently by about 1e-7, which changes a decision only if the
    score is that close to its threshold.
    """
{probabilities}


def decide(p: Tensor) -> Tensor:
    """{decisions}, from probabilities p ({shape})."""
{rule}


def predict(z: Tensor) -> Tensor:
    """The decisions from the outputs of the head z (N, {outputs})."""
    return decide(probabilities(z))
'''

FUNCTIONS = {
    "none": "{}",
    "sigmoid": "torch.sigmoid({})",
    "softmax": "torch.softmax({}, dim=1)",
    "log_softmax": "torch.log_softmax({}, dim=1)",
}

# The rules of core.evaluation.DECISIONS. Float32 probabilities meet float64 thresholds in float64, as in NumPy.
RULES = {
    "ratio": """    p, t = p.double(), THRESHOLDS.clamp(min=5e-324)  # a threshold of 0 takes every row whose p is not 0
    most, best = (p / t).max(dim=1)
    for row in ((p / t >= most[:, None] * (1 - 1e-15)).sum(dim=1) > 1).nonzero().flatten():  # too close for floats
        best[row] = max(range(len(t)), key=lambda c: Fraction(p[row, c].item()) / Fraction(t[c].item()))
    return best  # the first of equal ones""",
    "difference": """    p, t = p.double(), THRESHOLDS
    most, best = (p - t).max(dim=1)
    for row in ((p - t >= most[:, None] - 1e-15).sum(dim=1) > 1).nonzero().flatten():  # too close for floats
        best[row] = max(range(len(t)), key=lambda c: Fraction(p[row, c].item()) - Fraction(t[c].item()))
    return best  # the first of equal ones""",
    "masked": """    reached = p >= THRESHOLDS
    best = torch.where(reached, p, -torch.inf).argmax(dim=1)
    return torch.where(reached.any(dim=1), best, {fallback})""",
    "argmax": "    return p.argmax(dim=1)  # whatever the thresholds",
}


LEAVE_OUT = """    reachable = THRESHOLDS.isfinite()  # a class above every score gets no row
    p, finite = p.double().where(reachable, -1e300), THRESHOLDS.where(reachable, 1.0)"""


def pytorch_code(record: ThresholdRecord) -> str:
    """Source with the same decisions as Cutoff: it defines the head, probabilities(z), decide(p) and predict(z).

    It compares probabilities, not logits: in float32 several logits have the same probability, so a threshold on
    logits could separate rows that a threshold on probabilities does not. The logits are given in comments.

    Raises CutoffError if the scores don't come from a run, since the head is then unknown.
    """
    config, columns = record.config, len(record.thresholds)
    if config is None:
        raise CutoffError("PyTorch code needs the head of the network, which is not known for these scores.")
    data = load_dataset(config.dataset, config.dataset_params)
    features = load_split(config.dataset, config.dataset_params, config.split_seed).x["train"].shape[1]
    parts = {
        "header": header(record),
        "imports": imports(record),
        "class_names": class_names(record),
        "inputs": shape_of(config, features, data.image).last_inputs,
        "outputs": HEADS[config.head].outputs(len(data.class_names)),
        "label": HEADS[config.head].label,
        "shape": "N" if record.task == "binary" else f"N, {columns}",
        "probabilities": _probabilities(config, record.task == "binary"),
    }
    if record.task == "binary":
        return CODE.format(
            **parts,
            thresholds=f"THRESHOLD = {number(record.compared()[0])}  # {in_words(record.thresholds[0])}",
            decisions="The class of each row, (N,), an index of CLASS_NAMES",
            rule="    return (p >= THRESHOLD).long()",
        )
    parts["thresholds"] = thresholds(record, "torch.tensor(", ", dtype=torch.float64)")
    if record.task == "multilabel":
        decisions = f"Whether each row has each label, (N, {columns}) bool"
        return CODE.format(**parts, decisions=decisions, rule="    return p >= THRESHOLDS")
    none = f" or {NO_CLASS} for none" if record.params.get("fallback") == NO_CLASS else ""
    return CODE.format(
        **parts,
        decisions=f"The class of each row, (N,), an index of CLASS_NAMES{none}",
        rule=rule_source(record, RULES, LEAVE_OUT),
    )


def _probabilities(config: RunConfig, binary: bool) -> str:
    """The body of probabilities(z): the final activation of the run, then the conversion of heads.probabilities."""
    activation, expects = resolved(config.head, config.activation, config.loss), LOSSES[config.loss].expects
    gives, link = ACTIVATIONS[activation].gives, HEADS[config.head].link
    lines = [] if activation == "none" else [f"u = {FUNCTIONS[activation].format('z')}  # its final activation"]
    u = "u" if lines else "z"
    if expects == "logits" or (expects == "log-probabilities" and gives == "logits"):
        p = FUNCTIONS[link].format(u)
    elif gives == "log-probabilities":
        p = f"{u}.exp()"
    else:
        p = u if gives == "probabilities" else f"{u}.clamp(0, 1)"
    column = f"[:, {HEADS[config.head].first_column}]" if binary else ""
    return "\n".join(f"    {line}" for line in [*lines, f"return {p}{column}"])
