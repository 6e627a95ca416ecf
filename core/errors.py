"""The project's own error type: a sentence that a page can show as it is."""


class CutoffError(ValueError):
    """Bad input, said in one sentence of the form "Expected ..., but got ..."."""
