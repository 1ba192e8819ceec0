"""The declaration of a lab: `Lab`, its `Params`, metrics, claims and paper, and the registry of labs."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import param

from workbench.contract.context import Context
from workbench.contract.errors import LabError
from workbench.contract.result import Result

MODALITIES = ("Tables and images", "Images", "Volumes", "Scenes", "Music", "Graphs")
State = Literal["works", "planned", "broken"]
TINY = "tiny"  # the preset of tests


class Params(param.Parameterized):
    """The typed parameters of a lab: one declaration for form, CLI, URL, store and notebook.

    A subclass declares `param` parameters with bounds and a one-line ``doc`` (tooltip and CLI help), and
    may name units, the rarely needed ones (`advanced`) and its presets. The preset ``tiny``, if there is one, takes
    seconds and teaches nothing: tests of stopping, resuming and repeating use it, and no page lists it.
    """

    units: ClassVar[dict[str, str]] = {}
    advanced: ClassVar[tuple[str, ...]] = ()
    presets: ClassVar[dict[str, dict[str, Any]]] = {"quick": {}}

    @classmethod
    def make(cls, preset: str = "quick", **values: Any) -> Params:
        """Return the params of a preset with some values changed.

        Raises
        ------
        LabError
            If a name is unknown or a value is out of its bounds.
        """
        if preset not in cls.presets:
            raise LabError(f"There is no preset {preset!r}.", f"Choose one of {', '.join(cls.shown_presets())}.")
        known = cls.names()
        for name in values:
            if name not in known:
                raise LabError(f"There is no parameter {name!r}.", f"The parameters are {', '.join(known)}.")
        try:
            return cls(**{**cls.presets[preset], **values})
        except (ValueError, TypeError) as error:
            raise cls._misfit({**cls.presets[preset], **values}, error) from error

    @classmethod
    def shown_presets(cls) -> list[str]:
        """Return the presets that a user may choose from, the default first."""
        return [name for name in cls.presets if name != TINY]

    @classmethod
    def _misfit(cls, values: dict[str, Any], error: Exception) -> LabError:
        """Return in the user's words what param says in its own."""
        for name, value in values.items():
            try:
                cls(**{name: value})
            except (ValueError, TypeError) as own:
                declared = cls.param[name]
                return LabError(
                    f"{declared.label} ({name}) = {value!r} does not fit.", accepted_values(declared) or str(own)
                )
        return LabError(f"The parameters do not fit: {error}")

    @classmethod
    def names(cls) -> list[str]:
        """Return the parameter names in the order of declaration."""
        own = [n for n in cls.param if n != "name"]
        order = [n for base in reversed(cls.__mro__) for n in vars(base) if n in own]
        return list(dict.fromkeys(order))

    @classmethod
    def parse(cls, name: str, text: str) -> Any:
        """Read one value from the text of a command line or URL.

        Raises
        ------
        LabError
            If the text is no value of that parameter's type.
        """
        if name not in cls.names():
            raise LabError(f"There is no parameter {name!r}.", f"The parameters are {', '.join(cls.names())}.")
        declared = cls.param[name]
        if isinstance(declared, param.String | param.Selector) and not isinstance(declared, param.ListSelector):
            options = {str(v): v for v in getattr(declared, "objects", [])}
            return options.get(text, text)
        if isinstance(declared, param.List | param.ListSelector):
            return json.loads(text) if text.startswith("[") else [t for t in text.split(",") if t]
        try:
            if isinstance(declared, param.Boolean):
                return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[text.lower()]
            return int(text) if isinstance(declared, param.Integer) else float(text)
        except (KeyError, ValueError):
            raise LabError(f"{name} = {text!r} is no {type(declared).__name__.lower()}.", declared.doc or "") from None

    def to_dict(self) -> dict[str, Any]:
        """Return the values by name: what JSON, the URL and the store keep."""
        return {name: getattr(self, name) for name in self.names()}


def accepted_values(declared: param.Parameter) -> str:
    """Return in a sentence which values a parameter takes; nothing where that is not known."""
    if isinstance(declared, param.Selector):
        many = "some" if isinstance(declared, param.ListSelector) else "one"
        return f"Choose {many} of {', '.join(map(str, declared.objects))}."
    if isinstance(declared, param.Number):
        kind = "A whole number" if isinstance(declared, param.Integer) else "A number"
        return f"{kind}, {bounds_text(declared) or 'any'}, is wanted."
    return ""


def bounds_text(declared: param.Parameter) -> str:
    """Return the bounds of a number in words, or nothing."""
    low, high = getattr(declared, "bounds", None) or (None, None)
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    if low is not None:
        return f"{low:g} or more"
    return f"up to {high:g}" if high is not None else ""


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
    """What a result says of a claim, with the numbers that decide."""

    verdict: Literal["holds", "does not hold", "within noise", "not tested"]
    numbers: dict[str, float] = field(default_factory=dict)
    why: str = ""


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper, the rule by which it is judged in words, and the rule itself."""

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

    The rooms are found by their place beside `module`: ``params.Params``, ``run.run``, ``run.probe``,
    ``run.load``, ``views.views``, ``README.md`` and the folder ``recorded``. They are imported only when asked
    for, so listing labs imports neither torch nor panel. ``run.recheck(run)`` evaluates a run's saved model again and
    returns name -> (recorded, found now): the test of the recorded run. ``viewers.viewers(run)`` is optional: desktop
    windows that show the run. ``cli.app`` is optional: a Typer, the commands ``workbench LAB ...``.
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

    def probe(self, run: LoadedRun, request: dict[str, Any]) -> Result:
        """Answer one interactive question to a finished run; called in a worker."""
        return importlib.import_module(f"{self.module}.run").probe(run, request)

    def views(self, result: Result, link: Any = None) -> dict[str, Callable[[], Any]]:
        """Return title -> function that builds the view; called in the web server or a notebook."""
        return importlib.import_module(f"{self.module}.views").views(result, link)

    def viewers(self, run: Any) -> dict[str, Callable[[Path | None], Any]]:
        """Return name -> function that shows a `workbench.runs.record.Run` in a desktop window; {} without that room.

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
