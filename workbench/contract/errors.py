"""Errors that the user can correct."""


class LabError(Exception):
    """Something the user can mend: what was wrong, and what to do about it.

    Parameters
    ----------
    cause
        What was wrong, in a sentence.
    hint
        What to do about it, in a sentence.
    """

    def __init__(self, cause: str, hint: str = ""):
        super().__init__(cause, hint)
        self.cause, self.hint = cause, hint

    def __str__(self) -> str:
        return f"{self.cause} {self.hint}".strip()
