"""An earlier epoch of a run, at the thresholds that its last one has."""

from __future__ import annotations

from core.evaluation.source import ScoreSource
from pages.shared import state, thresholds
from pages.workbench import shown


def show(source: ScoreSource, epoch: int) -> ScoreSource:
    """Show a kept epoch of the run that a source is an epoch of, at the same thresholds and by the same decision rule,
    and return it; any other source as it is. To be called in a callback."""
    run = shown.run_of(source)
    if run is None or epoch == source.version:
        return source
    kept = run.at(epoch)
    thresholds.replace_all(kept, thresholds.current(source))
    state.DECISION.of(kept.id).set(state.DECISION.of(source.id).get())
    shown.restore(source, epoch)
    return kept
