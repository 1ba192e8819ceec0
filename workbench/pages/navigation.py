"""Interface of the shell for the pages in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import panel_material_ui as pmui

from workbench.ui.address import Address, Place


class Navigation(Protocol):
    """The way from one page to another; `workbench.pages.shell.Shell` offers it.

    Attributes
    ----------
    here
        The place that is shown.
    address
        The address bar.
    page
        Panel's page, for its theme.
    """

    here: Place
    address: Address
    page: pmui.Page

    def visit(self, place: Place) -> None:
        """Go to a place."""

    def compare(self, ids: list[str]) -> None:
        """Go to the comparison of some runs."""

    def note(self, push: bool = False, **changes: Any) -> None:
        """Change parts of the address without moving."""

    def later(self, call: Callable[[], Any]) -> None:
        """Call something on this session's own thread."""
