"""The typed parameters of the lab `drums`."""

from __future__ import annotations

from typing import ClassVar

import param

from workbench.contract import Params as Base
from workbench.contract import Question as BaseQuestion

BUNDLED, GROOVE, FREEDOOM, OWN = "bundled", "groove", "freedoom", "own file"
REFERENCE, DICTIONARY = "Python reference", "dictionary"
TUNED, UNTAUGHT = "language model", "language model random"  # arms of the real one, and of its random twin
ARMS = ("none", "english", "shuffled", "nested")
NO_LANGUAGE, SMOLLM2, OWN_MODEL = "no", "SmolLM2-135M", "own folder"


class Params(Base):
    """Pretraining texts, training, and how continuations are sampled and measured."""

    dataset = param.Selector(
        default=BUNDLED,
        objects=[BUNDLED, GROOVE, FREEDOOM, OWN],
        doc="Grooves to learn from and to continue: the authors' 457 as they come with the lab, the same from the "
        "whole Groove MIDI Dataset (a download), drums of Freedoom's songs, or your own.",
    )
    file = param.String(default="", doc="Path of your own MIDI file or folder of them; used with 'own file'.")
    arms = param.ListSelector(
        default=["none", "english"],
        objects=list(ARMS),
        doc="What the small GPT reads before its first drum: nothing, English, the same characters shuffled, or "
        "phrases that repeat in one another.",
    )
    english = param.Selector(
        default=REFERENCE,
        objects=[REFERENCE, DICTIONARY],
        doc="The English text: the language reference inside Python (0.5 million characters), or a dictionary "
        "(GCIDE, 40 million, a download).",
    )
    language = param.Selector(
        default=NO_LANGUAGE,
        objects=[NO_LANGUAGE, SMOLLM2, OWN_MODEL],
        doc="Also fine-tune a real language model by LoRA, and the same architecture from random weights: none, "
        "SmolLM2 (98 MB), or one in a folder of yours.",
    )
    folder = param.String(default="", doc="Folder of your own causal language model; used with 'own folder'.")
    layers = param.Integer(default=2, bounds=(1, 12), doc="Blocks of the small GPT.")
    width = param.Integer(default=128, bounds=(16, 1024), step=16, doc="Channels of the small GPT.")
    heads = param.Integer(default=2, bounds=(1, 16), doc="Attention heads of the small GPT; they divide its width.")
    smaller = param.Boolean(
        default=False,
        doc="Also train a network with a third of the channels that read English first: is bigger steadier?",
    )
    window = param.Integer(
        default=6, bounds=(3, 16), doc="Bars of a training stretch, its two bars of prompt included."
    )
    pretrain = param.Integer(default=30, bounds=(1, 100_000), doc="Text read before the first drum.")
    finetune = param.Integer(default=100, bounds=(1, 100_000), doc="Drum text learned from, the same for every arm.")
    tune = param.Integer(
        default=100,
        bounds=(1, 100_000),
        doc="Drum text that the real language model and its random twin learn from.",
    )
    batch = param.Integer(default=1, bounds=(1, 256), doc="Stretches a training step.")
    rate = param.Number(default=2e-3, bounds=(1e-6, 0.1), doc="Highest learning rate (AdamW).")
    language_rate = param.Number(
        default=1e-3, bounds=(1e-6, 0.1), doc="Highest learning rate of the real language model and its random twin."
    )
    prompts = param.Integer(default=4, bounds=(2, 1000), doc="Test grooves that are continued, at most.")
    samples = param.Integer(default=1, bounds=(1, 50), doc="Continuations of each prompt by each trained network.")
    seeds = param.Integer(default=1, bounds=(1, 20), doc="Trainings of each arm on drums; each text is read once.")
    language_seeds = param.Integer(
        default=1, bounds=(1, 20), doc="Trainings of the real language model and its random twin; `seeds` at most."
    )
    language_samples = param.Integer(
        default=1, bounds=(1, 50), doc="Continuations of each prompt by the real language model and its random twin."
    )
    bars = param.Integer(default=14, bounds=(2, 62), doc="Bars added to a prompt; the paper's are 14.")
    temperature = param.Number(
        default=0.9, bounds=(0.0, 3.0), doc="Below 1 the likely becomes likelier; the paper's is 0.9."
    )
    top_k = param.Integer(
        default=0, bounds=(0, 200), doc="Draw among so many of the likeliest characters only; 0: all."
    )
    top_p = param.Number(
        default=1.0, bounds=(0.05, 1.0), doc="Draw among the likeliest that have this probability together."
    )

    units: ClassVar[dict[str, str]] = {
        "layers": "blocks",
        "width": "channels",
        "window": "bars",
        "pretrain": "thousand characters",
        "finetune": "thousand characters",
        "tune": "thousand characters",
        "batch": "stretches",
        "prompts": "grooves",
        "bars": "bars",
    }
    advanced: ClassVar[tuple[str, ...]] = (
        "english",
        "folder",
        "heads",
        "smaller",
        "window",
        "tune",
        "batch",
        "rate",
        "language_rate",
        "language_seeds",
        "language_samples",
        "bars",
        "top_k",
        "top_p",
    )
    presets: ClassVar[dict] = {
        "quick": {},
        "tiny": {
            "layers": 1,
            "width": 32,
            "window": 3,
            "pretrain": 3,
            "finetune": 3,
            "prompts": 2,
            "bars": 2,
        },
        "claims": {
            "arms": list(ARMS),
            "smaller": True,
            "layers": 3,
            "width": 160,
            "pretrain": 450,
            "finetune": 600,
            "prompts": 37,
            "samples": 5,
            "seeds": 3,
        },
        "full": {
            "arms": list(ARMS),
            "smaller": True,
            "english": DICTIONARY,
            "language": SMOLLM2,
            "layers": 4,
            "heads": 4,
            "width": 256,
            "window": 8,
            "pretrain": 20_000,
            "finetune": 5_000,
            "tune": 5_000,
            "batch": 16,
            "rate": 1e-3,
            "prompts": 37,
            "samples": 5,
            "seeds": 3,
            "language_seeds": 3,
            "language_samples": 5,
        },
    }


class Question(BaseQuestion):
    """A question to a player: its continuation of a groove, or its probabilities at one step.

    The kind *continue* reads ``bars``, ``seed``, ``temperature``, ``top_k`` and ``top_p``; the kind *next* reads
    ``step``.
    """

    kind = param.Selector(default="continue", objects=["continue", "next"], doc="The next bars, or one step.")
    player = param.String(
        default="", doc="A network of the run by its arm, or a player without training; the first without."
    )
    rows = param.String(
        default="", doc="The groove so far: a text of 0 and 1, six for each step; whole bars, to go on."
    )
    bars = param.Integer(default=1, bounds=(0, 64), doc="Bars to add.")
    seed = param.Integer(default=0, bounds=(0, 2**31 - 1), doc="Seed of what is drawn.")
    temperature = param.Number(
        default=None,
        allow_None=True,
        bounds=(0, 3),
        softbounds=(0.1, 1.5),
        step=0.05,
        doc="Temperature of the draw; that of the run without.",
    )
    top_k = param.Integer(
        default=None, allow_None=True, bounds=(0, 200), doc="Only so many of the likeliest; that of the run without."
    )
    top_p = param.Number(
        default=None,
        allow_None=True,
        bounds=(0.05, 1),
        softbounds=(0.5, 1),
        step=0.01,
        label="Top p",
        doc="Only the likeliest of this probability; that of the run without.",
    )
    step = param.Integer(
        default=None,
        allow_None=True,
        bounds=(0, None),
        doc="The step that is asked about; the one after the groove without.",
    )
