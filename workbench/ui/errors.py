"""Errors as HTML: cause, hint, and the traceback folded away."""

from __future__ import annotations

import traceback
from html import escape
from typing import Any

import panel as pn

from workbench.contract.errors import LabError
from workbench.ui.style import html

UNEXPECTED = "This is a fault of the workbench or of the lab, not yours. The rest of the page goes on working."


def describe(error: BaseException | dict[str, Any]) -> dict[str, str]:
    """Return cause, hint and traceback of an exception, or of an error that the store kept.

    A `LabError` is meant for users and shows no traceback; anything else does.
    """
    if isinstance(error, dict):
        record = {key: str(error.get(key) or "") for key in ("cause", "hint", "traceback")}
        meant = record["traceback"].rstrip().rsplit("\n", 1)[-1].startswith(f"{LabError.__module__}.LabError")
        return record | {"traceback": ""} if meant else record
    if isinstance(error, LabError):
        return {"cause": error.cause, "hint": error.hint, "traceback": ""}
    return {
        "cause": f"{type(error).__name__}: {error}",
        "hint": UNEXPECTED,
        "traceback": "".join(traceback.format_exception(error)),
    }


def error_html(error: BaseException | dict[str, Any], where: str = "") -> str:
    """Return an error as HTML; `where` says what was being done, as in "drawing this view"."""
    record = describe(error)
    meant = isinstance(error, LabError)  # for the user, who did or asked something that cannot be
    head = "" if meant else f"<strong>Something went wrong{f' while {escape(where)}' if where else ''}.</strong> "
    cause = f"<strong>{escape(record['cause'])}</strong>" if meant else escape(record["cause"])
    hint = f'<p class="soft">{escape(record["hint"])}</p>' if record["hint"] else ""
    fold = ""
    if record["traceback"]:
        fold = f"<details><summary>Traceback</summary><pre>{escape(record['traceback'])}</pre></details>"
    return f'<div class="note bad" role="alert"><p>{head}{cause}</p>{hint}{fold}</div>'


def error_card(error: BaseException | dict[str, Any], where: str = "") -> pn.pane.HTML:
    """Return an error as a pane, to stand where the error happened."""
    return html(error_html(error, where))
