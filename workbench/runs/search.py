"""Search among thousands of runs: conditions, order and pages.

MLflow narrows the search, Python decides. A condition becomes a clause of MLflow's filter only as far as that is sound:
every run that fits also fits the clause, which holds nothing of the user's text but letters and digits. So no text can
break MLflow's grammar, and params, which MLflow keeps as text, are compared as the numbers they are.
"""

from __future__ import annotations

import difflib
import math
import operator
import re
import string
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.contract.errors import LabError
from workbench.contract.lab import Lab, labs
from workbench.runs.record import Run

if TYPE_CHECKING:
    from workbench.runs.store import Store

TEXTS = ("name", "lab", "status", "tag", "group", "user", "note", "preset")  # fields that are compared as text
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
CHUNK, MOST = 1000, 5000  # runs read at a time, and looked at for one page
_TAGS = {
    "lab": "workbench.lab",
    "status": "workbench.status",
    "group": "workbench.group",
    "user": "workbench.user",
}
_TAGS |= {"note": "mlflow.note.content", "preset": "workbench.preset"}
_KEY = r"(?:metrics|params)\.[\w./ -]*[\w./-]"
_WHERE = re.compile(rf"\s*({_KEY}|[a-z]+)\s*(<=|>=|!=|=|<|>|\bcontains\b)(.*)", re.DOTALL)
_FOLD = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)  # what every database folds alike


@dataclass(frozen=True)
class Where:
    """One condition on a run, as in ``metrics.rs > 0.5`` or ``name contains iris``.

    Attributes
    ----------
    field
        ``metrics.KEY``, ``params.NAME``, ``duration`` (in seconds), ``seed``, or one of `TEXTS`.
    op
        One of `COMPARE`, or ``contains``; text knows ``=``, ``!=`` and ``contains`` only, and takes capitals for small
        letters.
    value
        The text that was given.
    """

    field: str
    op: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Where:
        """Read a condition; quotes around the value may be given and keep its spaces.

        Raises
        ------
        LabError
            If the text is no condition, or its comparison does not fit its field.

        Examples
        --------
        >>> Where.parse("params.eps <= 0.1")
        Where(field='params.eps', op='<=', value='0.1')
        """
        found = _WHERE.fullmatch(text)
        if found is None:
            raise LabError(f"{text!r} is no condition.", 'Write one as in "metrics.rs > 0.5" or "name contains iris".')
        field, op, value = found[1], found[2], found[3].strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        return cls.make(field, op, value)

    @classmethod
    def make(cls, field: str, op: str, value: str) -> Where:
        """Return a condition that makes sense.

        Raises
        ------
        LabError
            If there is no such field, or the comparison does not fit it.
        """
        numeric = field.startswith("metrics.") or field in ("duration", "seed")
        if not (numeric or field in TEXTS or re.fullmatch(_KEY, field)):
            raise LabError(
                f"Runs have no field {field!r}.", f"Use metrics.KEY, params.NAME, duration, {_words(TEXTS)}."
            )
        if op not in (*COMPARE, "contains"):
            raise LabError(f"{op!r} is no comparison.", f"Use {_words(tuple(COMPARE))} or contains.")
        if numeric and (op == "contains" or _number(value) is None):
            raise LabError(f"{field} {op} {value!r} compares no numbers.", f'Write, for example, "{field} > 0.5".')
        if field in TEXTS and op not in ("=", "!=", "contains"):
            raise LabError(f"{field} is text.", "Text is compared by =, != or contains.")
        if field.startswith("params.") and op in ("<", "<=", ">", ">=") and _number(value) is None:
            raise LabError(f"{value!r} is no number.", f"{op} compares numbers.")
        return cls(field, op, value)

    def __str__(self) -> str:
        bare = self.value == self.value.strip() and self.value[:1] not in ('"', "'")
        return f"{self.field} {self.op} {self.value}" if bare else f'{self.field} {self.op} "{self.value}"'

    def fits(self, run: Run) -> bool:
        """Return True when a run fits; one that lacks the param or the metric fits nothing."""
        kind, _, key = self.field.partition(".")
        if kind == "params":
            return key in run.params and _fits_param(run.params[key], self.op, self.value)
        if self.field in TEXTS:
            return self._fits_text(run)
        had = run.metrics.get(key) if kind == "metrics" else {"duration": run.seconds, "seed": run.seed}[self.field]
        return had is not None and math.isfinite(had) and COMPARE[self.op](had, float(self.value))

    def _fits_text(self, run: Run) -> bool:
        wanted = self.value.translate(_FOLD)
        has = [t.translate(_FOLD) for t in (run.tags if self.field == "tag" else (getattr(run, self.field),))]
        if self.op == "contains":
            return any(wanted in text for text in has)
        return (wanted in has) == (self.op == "=")

    @property
    def clause(self) -> str:
        """MLflow filter that is true of every run that fits, and of some that do not; empty for none."""
        kind, _, key = self.field.partition(".")
        if kind == "metrics":
            number = float(self.value)
            return f"metrics.`{key}` {self.op} {number!r}" if abs(number) < 1e15 and "e" not in repr(number) else ""
        if kind == "params":
            sought = {"=": _spelling(self.value), "contains": self.value}.get(self.op, "")
            return f"params.`{key}` ILIKE '{_like(sought)}'"
        if self.op == "!=" or not self.value or self.field not in ("name", *_TAGS):
            return ""
        place = "attributes.run_name" if self.field == "name" else f"tags.`{_TAGS[self.field]}`"
        return f"{place} ILIKE '{_like(self.value)}'"


def field_names(lab: Lab | None) -> list[str]:
    """Return what a condition may ask of: text fields, the params and the metrics of a lab, or of all labs."""
    known = [lab] if lab else [other for other in labs().values() if other.state == "works"]
    params = [f"params.{name}" for one in known for name in one.Params.names()]
    metrics = [f"metrics.{metric.key}" for one in known for metric in one.metrics]
    texts = [name for name in TEXTS if not (lab and name == "lab")]
    return [*texts, "duration", "seed", *dict.fromkeys(metrics), *dict.fromkeys(params)]


def unknown_fields(where: Iterable[Where], lab: Lab | None) -> str:
    """Return a hint if conditions ask for params or metrics that no lab declares: those fit no run; else nothing."""
    known = field_names(lab)
    strange = [one.field for one in where if "." in one.field and one.field not in known]
    near = [close for field in strange for close in difflib.get_close_matches(field, known, 3)]
    if not strange:
        return ""
    meant = f" Did you mean {' or '.join(near)}?" if near else ""
    return f"No lab here declares {', '.join(strange)}.{meant}"


@dataclass(frozen=True)
class Query:
    """Query for runs: of a lab or of all users, those that fit every condition, in an order.

    `order` is ``created``, ``name``, ``duration`` or ``metrics.KEY``; runs that lack it come last.
    """

    lab: str = ""
    where: tuple[Where, ...] = ()
    starred: bool = False
    trash: bool = False
    order: str = "created"
    descending: bool = True
    size: int = 25


@dataclass(frozen=True)
class Page:
    """Some runs, and how to go on.

    Attributes
    ----------
    runs
        The runs; their errors and results have not been read.
    next
        The token of the next page; empty after the last run.
    cut
        True when `MOST` runs were looked at and the page is not full: further ones may fit.
    """

    runs: tuple[Run, ...]
    next: str = ""
    cut: bool = False


def list_page(store: Store, query: Query, token: str = "") -> Page:
    """Return one page of runs; `token` is the `Page.next` of the page before.

    Raises
    ------
    LabError
        If the order or the token makes no sense.
    """
    from mlflow.exceptions import MlflowException

    skip, _, place = token.partition(":")
    kept: list[Run] = []
    looked, skip = 0, int(skip) if skip.isdecimal() else 0
    if not store.experiments(query.lab):
        return Page(())
    if query.order != "created":
        store.tune()
    try:
        while True:
            found = _search(store, query, min(CHUNK, query.size + skip + 1 + 2 * looked), place)
            for index, raw in enumerate(found[skip:], skip):
                run = store.read(raw, opened=False)
                if all(where.fits(run) for where in query.where):
                    if len(kept) == query.size:
                        return Page(tuple(kept), f"{index}:{place}")
                    kept.append(run)
            looked, skip, place = looked + len(found), 0, _token_text(found.token)
            if not place or looked >= MOST:
                return Page(tuple(kept), place and f"0:{place}", cut=bool(place))
    except MlflowException as error:
        raise LabError(f"The runs cannot be listed: {error.message}", "Begin again at the first page.") from None


def every_page(store: Store, query: Query) -> Iterator[Run]:
    """Yield the runs of all pages, one page at a time."""
    token = ""
    while True:
        page = list_page(store, query, token)
        yield from page.runs
        token = page.next
        if not token:
            return


def others_ran(store: Store, user: str) -> bool:
    """Return True when somebody else than `user` has runs here: the first or the last of all users in their order."""
    experiments, column = store.experiments(), "tags.`workbench.user`"
    ends = [
        store.client.search_runs(experiments, f"{column} != ''", max_results=1, order_by=[f"{column} {way}"])
        for way in ("ASC", "DESC")
        if experiments
    ]
    return any(run.data.tags["workbench.user"] != user for found in ends for run in found)


def _search(store: Store, query: Query, count: int, place: str) -> Any:
    from mlflow.entities import ViewType

    experiments = store.experiments(query.lab)
    clauses = ["tags.`workbench.status` != ''"]  # else it is no run, but for example the record of a sweep
    clauses += [clause for where in query.where if (clause := where.clause)]
    if query.starred:
        clauses.append("tags.`workbench.star` = '1'")
    kind, _, key = query.order.partition(".")
    columns = {
        "created": "attributes.start_time",
        "name": "attributes.run_name",
        "duration": "tags.`workbench.seconds`",
    }
    column = f"metrics.`{key}`" if kind == "metrics" and re.fullmatch(_KEY, query.order) else columns.get(query.order)
    if column is None:
        raise LabError(f"Runs have no order {query.order!r}.", f"Use {_words(tuple(columns))} or metrics.KEY.")
    return store.client.search_runs(
        experiments,
        " and ".join(clauses),
        ViewType.DELETED_ONLY if query.trash else ViewType.ACTIVE_ONLY,
        max_results=count,
        order_by=[f"{column} {'DESC' if query.descending else 'ASC'}"],
        page_token=place or None,
    )


def _token_text(token: str | bytes | None) -> str:
    """Return MLflow's page token as text: a database gives bytes, a tracking server text."""
    return token.decode() if isinstance(token, bytes) else token or ""


def _fits_param(had: Any, op: str, value: str) -> bool:
    """Compare a param with a text: as numbers where both are, else as text, of which a list has several."""
    number = None if isinstance(had, bool | str) else _number(had)
    asked = _number(value)
    if op in ("<", "<=", ">", ">="):
        return number is not None and COMPARE[op](number, asked)
    text, wanted = _text(had).translate(_FOLD), value.translate(_FOLD)
    if op == "contains":
        return wanted in text
    same = text == wanted or (number is not None and number == asked)
    if isinstance(had, list):
        same = same or wanted in [_text(one).translate(_FOLD) for one in had]
    return same == (op == "=")


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _spelling(value: str) -> str:
    """Return what the text of every param that equals `value` has in it: 1 is also 1.0, and 1e-3 is 0.001."""
    number = _number(value)
    if number is None:
        return value
    if number.is_integer() and abs(number) < 1e15:
        return f"{number:.0f}" if value in (f"{number:.0f}", f"{number:.1f}") else ""
    return value if value == repr(number) else ""


def _like(text: str) -> str:
    """Return a pattern that every text with `text` in it fits, made of letters, digits and ``%``."""
    return re.sub(r"[^A-Za-z0-9]+", "%", f"%{text}%")


def _words(names: tuple[str, ...]) -> str:
    return ", ".join(names)
