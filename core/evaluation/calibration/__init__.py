"""Whether scores are calibrated probabilities, by how much they miss, and how to calibrate them."""

from core.evaluation.calibration.as_logits import AsLogits
from core.evaluation.calibration.cox import Line, fit_line
from core.evaluation.calibration.measures import (
    BINS,
    brier,
    calibration_error,
    log_loss,
    prevalence_brier,
    prevalence_log_loss,
    top_label_error,
)
from core.evaluation.calibration.methods import (
    FOLDS,
    METHODS,
    Calibration,
    Method,
    Temperature,
    cross_fitted,
    fit,
    fit_classes,
    temperature_sentence,
)
from core.evaluation.calibration.reliability import (
    BINNINGS,
    LEVEL,
    Binning,
    BrierParts,
    Reliability,
    brier_parts,
    reliability,
)
from core.evaluation.calibration.report import Report, decided_otherwise

__all__ = [
    "BINNINGS",
    "BINS",
    "FOLDS",
    "LEVEL",
    "METHODS",
    "AsLogits",
    "Binning",
    "BrierParts",
    "Calibration",
    "Line",
    "Method",
    "Reliability",
    "Report",
    "Temperature",
    "brier",
    "brier_parts",
    "calibration_error",
    "cross_fitted",
    "decided_otherwise",
    "fit",
    "fit_classes",
    "fit_line",
    "log_loss",
    "prevalence_brier",
    "prevalence_log_loss",
    "reliability",
    "temperature_sentence",
    "top_label_error",
]
