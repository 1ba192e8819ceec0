"""Entry points of the lab `drums`: run, load, probe and recheck."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Generator

from workbench.contract import Context, LabError, LoadedRun, Result
from workbench.labs.drums.common import evaluation
from workbench.labs.drums.common.drumroll import BAR, END, WIDTH, parse_completion
from workbench.labs.drums.common.evaluation import HUMAN
from workbench.labs.drums.common.measures import bar_table
from workbench.labs.drums.common.players import BarChain, Coin, Copy, Ngram
from workbench.labs.drums.method import (
    language_model,
    pretraining_texts,
    training,
)
from workbench.labs.drums.method import (
    probe as probing,
)
from workbench.labs.drums.method.grooves import Material, material
from workbench.labs.drums.method.model import Gpt, Shape, packed, restored, unpacked
from workbench.labs.drums.method.results import conclude, notes_for
from workbench.labs.drums.method.sampling import FRAME, Characters, Speaker, Taste, bars, free_text
from workbench.labs.drums.params import NO_LANGUAGE, TUNED, UNTAUGHT, Params, Question
from workbench.toolkit.jobs import (
    STOPPED,
    Epoch,
    RunState,
    State,
    Step,
    Training,
    follow,
    load_state,
    named,
    run_steps,
)
from workbench.toolkit.memory import MemoryContext
from workbench.toolkit.tensors import load_tensors

SMALLER = "english smaller"
TOGETHER = 96  # sequences that are continued at once
FREE = 8  # prompts that are continued without the grammar, to see how many rows are valid by themselves


@dataclass(frozen=True)
class Job:
    """One training: an arm reads its text (once), or learns to drum (once a seed)."""

    arm: str
    text: str
    seed: int

    @property
    def key(self) -> str:
        return f"text/{self.arm}" if self.text == "text" else f"{self.arm}/{self.seed}"

    @property
    def label(self) -> str:
        return f"{self.arm}, {self.text}"

    @property
    def about(self) -> dict[str, Any]:
        return {"arm": self.arm, "seed": self.seed, "text": self.text}


@dataclass(frozen=True)
class Arm:
    """A way to become a drummer: what is read first, and the size of the network."""

    name: str
    text: str
    shape: Shape


def run(params: Params, ctx: Context) -> Result:
    """Train the arms, let every player continue the test prompts, and measure.

    Raises
    ------
    LabError
        If the grooves cannot be used, or a parameter does not fit the others.
    """
    check(params)
    data = material(params, ctx)
    run_state = load_state(ctx.resume())
    stopped = run_steps(work(params, ctx, data, run_state), run_state, ctx)
    notes = [*notes_for(params, data), *([STOPPED] if stopped else [])]
    return conclude(params, run_state, notes, stopped)


def check(params: Params) -> None:
    """Refuse parameters that do not fit each other."""
    if params.width % (2 * params.heads):
        raise LabError(
            f"A width of {params.width} cannot be shared by {params.heads} heads.",
            "Each head needs an even number of channels: choose a width that twice the heads divide.",
        )
    if not params.arms:
        raise LabError("No arm is chosen.", "Choose at least 'none' or 'english' under arms.")


def arms_of(params: Params) -> list[Arm]:
    """Return the arms in the order in which they are trained."""
    context = params.window * len(FRAME)
    shape = Shape(params.layers, params.heads, params.width, context)
    arms = [Arm(name, name, shape) for name in params.arms]
    if params.smaller:
        step = 2 * params.heads
        third = Shape(params.layers, params.heads, max(step, params.width // 3 // step * step), context)
        arms.append(Arm(SMALLER, "english", third))
    return arms


# The jobs --------------------------------------------------------------------------------------------------------


def work(params: Params, ctx: Context, data: Material, run_state: RunState) -> Iterator[Step]:
    """Do every job that is not finished, and yield how far it is."""
    yield 0, 1, "people and simple players"
    if "players" not in run_state.finished:
        yield from play(params, data, run_state)
    for arm in arms_of(params):
        if arm.text != "none" and arm.name not in run_state.pieces:
            yield from read_text(arm, params, ctx, run_state)
    for seed in range(params.seeds):
        for arm in arms_of(params):
            if f"{arm.name}/{seed}" not in run_state.finished:
                yield from learn_and_play(arm, seed, params, ctx, data, run_state)
    for seed in range(min(params.seeds, params.language_seeds)):
        for name in language_arms(params):
            if f"{name}/{seed}" not in run_state.finished:
                yield from tune_and_play(name, seed, params, ctx, data, run_state)


def play(params: Params, data: Material, run_state: RunState) -> Iterator[Step]:
    """Measure the people who played the test grooves, and the players that only count and copy."""
    prompts = data.prompts[: params.prompts]
    lessons = [bars.reshape(-1, WIDTH) for bars in data.train]
    reference = bar_table(lessons)
    taste = {"temperature": params.temperature, "top_k": params.top_k, "top_p": params.top_p}
    numbers = list(range(len(prompts)))
    people = list(data.test[: params.prompts])
    add(run_state, evaluation.measured(HUMAN, 0, people, numbers, reference))
    keep_grooves(run_state, HUMAN, people)
    run_state.book["prompts"] = [{"name": data.names[k], "style": data.styles[k]} for k in numbers]
    makers = (Ngram, BarChain, lambda _: Copy(), lambda _: Coin())
    for done, make in enumerate(makers):
        player = make(lessons)
        for seed in range(params.seeds):
            grooves = evaluation.counted(player, prompts, params.bars, seed, taste)
            add(run_state, evaluation.measured(player.name, seed, grooves, numbers, reference))
            if seed == 0:
                keep_grooves(run_state, player.name, grooves)
        yield done + 1, len(makers), "people and simple players"
    run_state.finish("players")


def read_text(arm: Arm, params: Params, ctx: Context, run_state: RunState) -> Iterator[Step]:
    """Pretrain a new network on its text."""
    codes = pretraining_texts.corpus(arm.text, ctx, params.english)
    length = arm.shape.context
    batch = max(1, params.batch * params.window * len(FRAME) // length)
    steps = steps_for(params.pretrain, batch * length)
    model = fresh(arm, ctx)

    def batch_at(step: int) -> training.Batch:
        return training.slices(codes, batch, length, ctx.rng(f"text/{arm.text}/{step}"))

    def trained(state: State | None) -> Iterator[Epoch]:
        return named("bits", training.train(model, batch_at, steps, params.rate, ctx.device, state))

    yield from learn(Job(arm.name, "text", 0), trained, steps, f"{label(arm)}: reads its text", ctx, run_state)
    run_state.pieces[arm.name] = {k: v.detach().cpu().clone() for k, v in model.state_dict().items()}
    run_state.now = None


def learn_and_play(
    arm: Arm, seed: int, params: Params, ctx: Context, data: Material, run_state: RunState
) -> Iterator[Step]:
    """Train an arm on grooves, then let it continue the prompts."""
    job, model = Job(arm.name, "drums", seed), fresh(arm, ctx, seed)
    if arm.name in run_state.pieces:
        model.load_state_dict(run_state.pieces[arm.name])
    steps = steps_for(params.finetune, params.batch * arm.shape.context)

    def batch_at(step: int) -> training.Batch:  # every arm sees the same grooves in the same order
        return training.windows(data.train, params.batch, params.window, ctx.rng(f"drums/{seed}/{step}"))

    def trained(state: State | None) -> Iterator[Epoch]:
        return named("bits", training.train(model, batch_at, steps, params.rate, ctx.device, state))

    stage = f"{label(arm)}: learns to drum ({seed + 1} of {params.seeds})"
    yield from learn(job, trained, steps, stage, ctx, run_state)
    small = packed(model.state_dict())
    model.load_state_dict(unpacked(small))  # what is measured is what is kept
    bits = training.bits_per_character(model, data.foretold[: params.prompts], params.window)
    yield from evaluate(arm.name, seed, Characters(model), bits, params.samples, params, ctx, data, run_state)
    if seed == 0:
        ctx.save(file_name(arm.name), small)
    run_state.finish(job.key)


def tune_and_play(
    name: str, seed: int, params: Params, ctx: Context, data: Material, run_state: RunState
) -> Iterator[Step]:
    """Train a real language model, or its architecture from random weights, then let it continue the prompts."""
    job, tuned = Job(name, "drums", seed), name == TUNED
    found = language_model.opened(params, ctx, tuned, seed)
    steps = steps_for(params.tune, params.window * len(FRAME))

    def bars_at(step: int) -> tuple[np.ndarray, bool]:
        return training.stretch(data.train, params.window, ctx.rng(f"drums/{seed}/{step}"))

    def trained(state: State | None) -> Iterator[Epoch]:
        return named("bits", language_model.train(found, bars_at, steps, params.language_rate, ctx.device, state))

    yield from learn(job, trained, steps, f"{name}: learns to drum ({seed + 1} of {params.seeds})", ctx, run_state)
    bits = language_model.bits_per_character(found, data.foretold[: params.prompts], params.window)
    yield from evaluate(
        name, seed, language_model.Words(found), bits, params.language_samples, params, ctx, data, run_state
    )
    if seed == 0 and tuned:  # the other one is as large as the model itself
        ctx.save(file_name(name), language_model.adapter(found.model))
    run_state.finish(job.key)


def language_arms(params: Params) -> list[str]:
    """Return the arms of the real language model: fine-tuned, and the same architecture from random weights."""
    return [] if params.language == NO_LANGUAGE else [TUNED, UNTAUGHT]


def learn(job: Job, training: Training, steps: int, stage: str, ctx: Context, run_state: RunState) -> Iterator[Step]:
    """Follow the training of an arm."""
    curve = lambda loss: {f"{job.arm}: bits a character of {job.text}": loss["bits"]}  # noqa: E731
    return follow([job], training, steps, stage, run_state, ctx, curve=curve, columns={"steps": steps})


def evaluate(
    name: str,
    seed: int,
    speaker: Speaker,
    bits: np.ndarray,
    samples: int,
    params: Params,
    ctx: Context,
    data: Material,
    run_state: RunState,
) -> Iterator[Step]:
    """Continue each prompt with a trained network, several times, and measure the continuations."""
    stage = f"{name}: plays ({seed + 1} of {params.seeds})"
    prompts = data.prompts[: params.prompts]
    taste = Taste(params.temperature, params.top_k, params.top_p)
    tasks = [number for number in range(len(prompts)) for _ in range(samples)]
    pieces = [tasks[k : k + TOGETHER] for k in range(0, len(tasks), TOGETHER)]
    total, done, grooves = len(pieces) * params.bars + 1, 0, []
    generator = ctx.generator(f"play/{name}/{seed}")
    for piece in pieces:
        played = [np.stack([prompts[n] for n in piece])]  # (B, 32, 6)
        for rows, _ in bars(speaker, played[0], params.bars, generator, taste):
            played.append(rows)
            done += 1
            yield done, total, stage
        grooves += list(np.concatenate(played, axis=1))  # (B, steps, 6)
    form = validity(speaker, prompts[:FREE], generator, taste)
    add(
        run_state,
        evaluation.measured(name, seed, grooves, tasks, bar_table([b.reshape(-1, WIDTH) for b in data.train])),
    )
    run_state.book["bits"] += [
        {"player": name, "seed": seed, "prompt_number": k, "bits": float(b)} for k, b in enumerate(bits)
    ]
    run_state.book["validity"].append({"player": name, "seed": seed} | form)
    if seed == 0:
        keep_grooves(run_state, name, grooves[::samples])


def validity(speaker: Speaker, prompts: Sequence[np.ndarray], generator: Generator, taste: Taste) -> dict[str, int]:
    """Return how many rows a network writes without the grammar, how many are malformed, and how many texts END."""
    texts = free_text(speaker, np.stack(prompts), 2 * len(FRAME), generator, taste)
    whole = [text if END in text else text.rpartition("\n")[0] for text in texts]  # the last line may be cut off
    parsed = [parse_completion(text) for text in whole]
    return {
        "rows": sum(len(p.rows) for p in parsed),
        "malformed": sum(p.malformed for p in parsed),
        "ended": sum(p.ended for p in parsed),
    }


def fresh(arm: Arm, ctx: Context, seed: int = 0) -> Gpt:
    """Return an untrained network; arms of one size start from the same weights."""
    return Gpt(arm.shape, ctx.generator(f"weights/{seed}")).to(ctx.device)


def steps_for(thousands: int, characters: int) -> int:
    """Return how many steps of so many characters make up a budget."""
    return max(1, round(1000 * thousands / characters))


def label(arm: Arm) -> str:
    """Return an arm's name as the progress shows it."""
    return {"none": "nothing first", SMALLER: "English first, smaller"}.get(arm.name, f"{arm.name} first")


def file_name(arm: str) -> str:
    """Return the name under which an arm's weights are kept.

    Examples
    --------
    >>> file_name("english smaller")
    'english_smaller'
    """
    return arm.replace(" ", "_")


def add(run_state: RunState, rows: list[dict]) -> None:
    """Add rows to the table of measures."""
    run_state.book["measures"] += rows


def keep_grooves(run_state: RunState, player: str, grooves: list[np.ndarray]) -> None:
    """Keep one groove a prompt of a player, to be seen and heard."""
    longest = max(len(rows) for rows in grooves) // BAR
    for number, blob in enumerate(evaluation.packed_rows(grooves, longest)):
        row = {"player": player, "prompt_number": number, "rows": blob.tobytes().hex()}
        run_state.book["grooves"].append(row)


# The probe -------------------------------------------------------------------------------------------------------


def load(run: LoadedRun) -> Any:
    """Return the trained networks of a run by arm, ready to play."""
    return probing.players_of(run)


def probe(run: LoadedRun, question: Question) -> Result:
    """Go on with a groove, or say what the next row may be; see `method.probe.answer`."""
    return probing.answer(question, run.model, run.params)


def recheck(run: LoadedRun) -> dict[str, tuple[float, float]]:
    """Measure the saved networks on the test grooves again: name -> (bits recorded, bits found now)."""
    data = material(run.params, MemoryContext(run.seed, run.device))
    grooves = data.foretold[: run.params.prompts]
    recorded = run.result.tables["bits"].query("seed == 0").groupby("player")["bits"].mean()
    found = {}
    for arm in arms_of(run.params):
        small = load_tensors(run.folder / "models" / f"{file_name(arm.name)}.safetensors")
        model = restored(small, arm.shape.heads, arm.shape.context, run.device)
        bits = training.bits_per_character(model, grooves, run.params.window)
        found[arm.name] = (float(recorded[arm.name]), float(np.nanmean(bits)))
    return found
