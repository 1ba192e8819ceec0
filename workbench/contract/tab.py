"""The declaration of a tab: its title, the function that draws it, and what it needs of a result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from workbench.contract.result import Result


@dataclass(frozen=True)
class Tab:
    """A tab of a lab's page; a result that lacks what it needs (a stopped run, a smaller study) has no such tab.

    Attributes
    ----------
    title
        What stands on the tab.
    build
        ``build(result, link)`` returns what it shows; called when it is first opened. `link` is what the page offers
        (`workbench.ui.link.Link`), or None in a report, where nothing can be asked.
    needs
        Names of tables (with at least one row) and arrays that must be there.
    any_of
        Names of which at least one must be there.
    when
        A further condition; asked only of a result that has what `needs` and `any_of` name.
    """

    title: str
    build: Callable[[Result, Any], Any]
    needs: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    when: Callable[[Result], bool] | None = None

    def fits(self, result: Result) -> bool:
        """Return True if a result has what the tab needs."""

        def has(name: str) -> bool:
            return result.has(name) or name in result.arrays

        complete = all(map(has, self.needs)) and (not self.any_of or any(map(has, self.any_of)))
        return complete and (self.when is None or self.when(result))
