"""The error type of this project: its message is a sentence that a page can show unchanged."""


class CutoffError(ValueError):
    """Invalid input, a reached limit or something missing; the message says which, in one sentence."""
