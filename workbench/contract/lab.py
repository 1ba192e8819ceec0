"""The declaration of a lab: `Lab`, its `Params`, metrics, claims and paper, and the registry of labs."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from workbench.contract.context import Context
from workbench.contract.errors import LabError
from workbench.contract.params import Params
from workbench.contract.question import Question
from workbench.contract.result import Result

MODALITIES = ("Tables and images", "Images", "Volumes", "Scenes", "Music", "Graphs")
State = Literal["works", "planned", "broken"]


@dataclass(frozen=True)
class Paper:
    """The paper behind a lab."""

    title: str
    authors: str
    year: int
    link: str


@dataclass(frozen=True)
class PaperValue:
    """A number the paper reports, with the setting it was measured in.

    `origin` says how we know it: ``"read"`` in the paper, or ``"recalled"``.
    """

    value: float
    setting: str
    origin: Literal["read", "recalled"] = "read"


@dataclass(frozen=True)
class Metric:
    """A headline number and its definition."""

    key: str
    label: str
    definition: str
    unit: str = ""
    higher_is_better: bool | None = True
    range: tuple[float, float] | None = None
    paper: PaperValue | None = None


@dataclass(frozen=True)
class Verdict:
    """Verdict on a claim, with the numbers that decide."""

    verdict: Literal["holds", "does not hold", "within noise", "not tested"]
    numbers: dict[str, float] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True)
class Claim:
    """Sentence of the paper, the rule by which it is judged as text, and the rule itself."""

    key: str
    text: str
    rule: str
    judge: Callable[[Result], Verdict]
    source: str = ""


@dataclass(frozen=True)
class LoadedRun:
    """A finished run as a probe sees it; a worker keeps the last few of them in memory."""

    id: str
    params: Params
    result: Result
    folder: Path
    device: str
    seed: int = 0

    @functools.cached_property
    def model(self) -> Any:
        """The run's model, made once by the lab's ``load(run)``."""
        return importlib.import_module(type(self.params).__module__.removesuffix(".params") + ".run").load(self)


@dataclass(frozen=True)
class Lab:
    """One paper as a vertical slice.

    The modules are found by their place beside `module`: ``params.Params``, ``params.Question``, ``run.run``,
    ``run.probe``, ``run.load``, ``views.views``, ``README.md`` and the folder ``recorded``. They are imported only when
    asked for, so listing labs imports neither torch nor panel. ``run.recheck(run)`` evaluates a run's saved model again
    and returns name -> (recorded, found now): the test of the recorded run. ``viewers.viewers(run)`` is optional:
    desktop windows that show the run. ``cli.app`` is optional: a Typer, the commands ``workbench LAB ...``.
    """

    name: str
    title: str
    modality: str
    summary: str
    paper: Paper
    module: str
    state: State = "planned"
    metrics: tuple[Metric, ...] = ()
    claims: tuple[Claim, ...] = ()
    error: str = ""

    @property
    def Params(self) -> type[Params]:  # noqa: N802 - it is a class
        return importlib.import_module(f"{self.module}.params").Params

    @property
    def folder(self) -> Path:
        return Path(importlib.import_module(self.module).__file__).parent

    @property
    def readme(self) -> str:
        return (self.folder / "README.md").read_text(encoding="utf-8")

    @property
    def recorded(self) -> Path | None:
        """The folder of the recorded run that ships with the lab, or None."""
        path = self.folder / "recorded"
        return path if (path / "run.json").exists() else None

    def run(self, params: Params, ctx: Context) -> Result:
        """Train and evaluate; called in a worker."""
        return importlib.import_module(f"{self.module}.run").run(params, ctx)

    @property
    def Question(self) -> type[Question] | None:  # noqa: N802 - it is a class
        """Fields that a question to a run may have; None for a lab that reads the request itself."""
        return getattr(importlib.import_module(f"{self.module}.params"), "Question", None)

    def probe(self, run: LoadedRun, request: Mapping[str, Any]) -> Result:
        """Answer one interactive question to a finished run; called in a worker.

        The metric ``milliseconds`` of the answer says how long it took.

        Raises
        ------
        LabError
            If a field of the request is unknown or out of its bounds, or the lab cannot answer.
        """
        question = self.Question.read(request) if self.Question else dict(request)
        entry_points = importlib.import_module(f"{self.module}.run")
        if hasattr(entry_points, "load"):
            run.model  # noqa: B018 - made once, before the clock starts
        began = time.perf_counter()
        result = entry_points.probe(run, question)
        return replace(result, metrics={**result.metrics, "milliseconds": 1000 * (time.perf_counter() - began)})

    def views(self, result: Result, link: Any = None) -> dict[str, Callable[[], Any]]:
        """Return title -> function that builds the tab, of those that the result has; called where they are shown.

        They are the `workbench.contract.tab.Tab` of ``TABS`` in the lab's ``views``. A lab whose tabs are not known
        before its result defines a function ``views(result, link)`` there, which returns such a dictionary.
        """
        module = importlib.import_module(f"{self.module}.views")
        if hasattr(module, "TABS"):
            return {tab.title: functools.partial(tab.build, result, link) for tab in module.TABS if tab.fits(result)}
        return module.views(result, link)

    def viewers(self, run: Any) -> dict[str, Callable[[Path | None], Any]]:
        """Return name -> function that shows a `workbench.runs.record.Run` in a desktop window; {} without that module.

        The function opens the window and returns when it is closed; given a path, it draws once into that PNG instead.
        """
        if not (self.folder / "viewers.py").exists():
            return {}
        return importlib.import_module(f"{self.module}.viewers").viewers(run)

    def judge(self, result: Result) -> dict[str, Verdict]:
        """Return the verdict on every claim."""
        return {claim.key: claim.judge(result) for claim in self.claims}


@functools.cache
def labs() -> dict[str, Lab]:
    """Return every registered lab by name, ours first; one that cannot be loaded is listed with its error."""
    found: dict[str, Lab] = {}
    entries = importlib.metadata.entry_points(group="workbench.labs")
    for entry in sorted(entries, key=lambda entry: not entry.value.startswith("workbench.labs.")):
        lab = _load(entry, found)
        found[lab.name] = lab
    return found


def _load(entry: importlib.metadata.EntryPoint, taken: Mapping[str, Lab]) -> Lab:
    """Return the lab behind an entry point, or a broken one that says why it is none."""
    try:
        lab = entry.load()
        if not isinstance(lab, Lab):
            raise TypeError(f"{entry.value} is a {type(lab).__name__}, not a Lab")
        if lab.modality not in MODALITIES:
            raise ValueError(f"modality {lab.modality!r} is none of {', '.join(MODALITIES)}")
        if lab.name in taken:
            raise ValueError(f"{taken[lab.name].module} has the name {lab.name!r} already")
        if lab.state == "works":
            lab.Params  # noqa: B018 - forms and lists need it of every lab that works
        return lab
    except (Exception, SystemExit) as error:  # a stranger's package may fail in any way, and must stop nothing
        return Lab(
            name=entry.name if entry.name not in taken else f"{entry.name} of {entry.dist.name}",
            title=entry.name,
            modality=MODALITIES[0],
            summary="This lab cannot be loaded.",
            paper=Paper("", "", 0, ""),
            module=entry.value.split(":")[0],
            state="broken",
            error=f"{type(error).__name__}: {error}",
        )


def get_lab(name: str) -> Lab:
    """Return a lab that can run.

    Raises
    ------
    LabError
        If there is no such lab, or it does not work yet.
    """
    lab = labs().get(name)
    working = ", ".join(n for n, other in labs().items() if other.state == "works")
    if lab is None:
        raise LabError(f"There is no lab {name!r}.", f"Labs that work: {working}.")
    if lab.state != "works":
        raise LabError(f"The lab {name!r} is {lab.state}. {lab.error}".strip(), f"Labs that work: {working}.")
    return lab
