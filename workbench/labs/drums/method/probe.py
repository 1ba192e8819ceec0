"""Questions to a run's networks: go on with this groove, and what may come next?"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from workbench.contract import LabError, LoadedRun, Result
from workbench.data.catalog.catalog import get_entry
from workbench.data.music.groove import PIECES
from workbench.labs.drums.common.drumroll import BAR, WIDTH, lines, separated
from workbench.labs.drums.common.measures import fills, stabilities
from workbench.labs.drums.common.players import Coin, Copy, Player
from workbench.labs.drums.method import language_model
from workbench.labs.drums.method.model import restored
from workbench.labs.drums.method.sampling import FRAME, ROW_BITS, Characters, Network, Speaker, next_rows
from workbench.labs.drums.params import SMOLLM2, Params, Question
from workbench.toolkit.memory import MemoryContext
from workbench.toolkit.tensors import load_tensors

MOST_BARS = 64  # of a groove in a question
SHOWN = 8  # likeliest next rows in an answer


def players_of(run: LoadedRun) -> dict[str, Player]:
    """Return the networks of a run by the arm's name, and two players that need no training."""
    players: dict[str, Player] = {}
    for path in sorted((run.folder / "models").glob("*.safetensors")):
        name = path.stem.replace("_", " ")
        players[name] = Later(name, functools.partial(player_of, run, path))
    if not players:
        raise LabError("This run kept no network.", "It was stopped before one had learned to drum: resume it.")
    return players | {player.name: player for player in (Copy(), Coin())}


def player_of(run: LoadedRun, path: Path) -> Network:
    """Return the network whose weights a run kept in a file."""
    weights = load_tensors(path)
    speaker: Speaker
    if "embed.weight" in weights:
        context = run.params.window * len(FRAME)
        speaker = Characters(restored(weights, run.params.heads, context, run.device))
    else:  # an adapter of a real language model
        if run.params.language == SMOLLM2 and not get_entry("smollm2").at_hand:
            raise LabError(  # a question to a player is no word for a download
                "SmolLM2 is not on this machine.",
                "Fetch it once on the page Data, or with `workbench data fetch smollm2` (93 MB); then ask again.",
            )
        found = language_model.opened(run.params, MemoryContext(run.seed, run.device), pretrained=True)
        language_model.put_adapter(found.model, weights)
        speaker = language_model.Words(found)
    return Network(path.stem.replace("_", " "), speaker)


class Later:
    """A network that is opened when it is first asked: a language model may have to be fetched, the others need not."""

    def __init__(self, name: str, make: Callable[[], Network]):
        self.name, self._make = name, make

    @functools.cached_property
    def network(self) -> Network:
        return self._make()

    def continue_(self, *asked: Any, **settings: Any) -> Iterator[np.ndarray]:
        return self.network.continue_(*asked, **settings)


def answer(question: Question, players: dict[str, Player], params: Params) -> Result:
    """Answer a question.

    Returns
    -------
    Result
        For ``continue``: arrays ``rows`` (steps, 6), the new bars, and ``d`` (bars,), of the whole groove; table
        ``fills``. For ``next``: tables ``pieces`` and ``rows``.

    Raises
    ------
    LabError
        If the question cannot be answered as it stands.
    """
    name = question.player or next(iter(players))
    player = players.get(name)
    if player is None:
        raise LabError(f"There is no player {name!r}.", f"The players are {', '.join(players)}.")
    rows = rows_of(question.rows)
    if question.kind == "next":
        return after(player, rows, len(rows) if question.step is None else question.step)
    return more(player, rows, question, params)


def rows_of(text: str) -> np.ndarray:
    """Return the rows (steps, 6) of a string of 0 and 1."""
    if len(text) % WIDTH or set(text) - {"0", "1"} or len(text) > MOST_BARS * BAR * WIDTH:
        raise LabError(
            "The groove of the question cannot be read.",
            f"It is a string of 0 and 1, {WIDTH} for each step, of at most {MOST_BARS} bars.",
        )
    return np.array([c == "1" for c in text], bool).reshape(-1, WIDTH)


def more(player: Player, rows: np.ndarray, question: Question, params: Params) -> Result:
    """Return the bars that a player adds to rows (steps, 6).

    What a bar becomes depends on the seed and on its number, so a groove is the same whether it is asked for bar by
    bar or at once.
    """
    if len(rows) < BAR or len(rows) % BAR:
        raise LabError("A groove is continued from whole bars.", "Give at least one bar of 16 steps.")
    if question.bars + len(rows) // BAR > MOST_BARS:
        raise LabError(f"The groove would have {question.bars + len(rows) // BAR} bars.", f"It may have {MOST_BARS}.")
    asked = {name: getattr(question, name) for name in ("temperature", "top_k", "top_p")}
    taste = {name: getattr(params, name) if value is None else value for name, value in asked.items()}
    new = rows
    for _ in range(question.bars):
        number = len(new) // BAR
        new = np.concatenate([new, *player.continue_(new, 1, seed=question.seed * MOST_BARS + number, **taste)])
    flagged = pd.DataFrame({"bar": fills(new)})
    d = stabilities([new])[0] if len(new) > 2 * BAR else np.zeros(0)
    return Result(arrays={"rows": new[len(rows) :], "d": d}, tables={"fills": flagged})


def after(player: Player, rows: np.ndarray, step: int) -> Result:
    """Return how probable a hit of each piece is at a step, and which rows are likeliest there."""
    speaker = player.network.speaker if isinstance(player, Later) else None
    if not isinstance(speaker, Characters):
        raise LabError(f"The player {player.name!r} cannot be asked for a row.", "Choose a small GPT.")
    if not 0 <= step <= len(rows):
        raise LabError(f"There is no step {step}.", f"The groove has {len(rows)}.")
    share = next_rows(speaker, separated(rows[:step]))  # (64,)
    likely = np.argsort(-share)[:SHOWN]
    pieces = pd.DataFrame({"piece": PIECES, "probability": share @ ROW_BITS})
    table = pd.DataFrame({"row": lines(ROW_BITS[likely]), "probability": share[likely]})
    return Result(tables={"pieces": pieces, "rows": table})
