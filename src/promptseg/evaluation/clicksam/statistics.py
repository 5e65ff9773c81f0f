"""What the table says: means with intervals, and paired differences; functions of the table alone."""

from collections.abc import Sequence
from typing import Final, NamedTuple, final

import numpy as np

from promptseg.evaluation.clicksam.prompting import CLICKS, PROMPTERS
from promptseg.evaluation.clicksam.table import Row
from promptseg.metrics import RESAMPLES, Interval, bootstrap_interval, paired_difference

__all__ = ["QUESTIONS", "Cell", "Question", "Statistics", "noted_difference"]


@final
class Question(NamedTuple):
    """Which mask of an image is meant.

    Attributes:
        prompter: from :data:`~promptseg.evaluation.clicksam.prompting.PROMPTERS`.
        step: of that prompter.
        title: for people.
    """

    prompter: str
    step: int
    title: str


def _clicks(count: int) -> Question:
    return Question("simulated-user", count, f"{count} click" + ("" if count == 1 else "s"))


QUESTIONS: Final[tuple[Question, ...]] = (
    Question("oracle-clicks", 1, "the paper's clicks: first mask"),
    Question("oracle-clicks", 2, "the paper's clicks: final mask"),
    *(_clicks(count) for count in (1, 3, 5, CLICKS)),
    Question("tight-box", 1, PROMPTERS["tight-box"].title),
    Question("jittered-box", 1, PROMPTERS["jittered-box"].title),
)
"""The columns of the tables."""


class Cell(NamedTuple):
    """One arm's answers to one question under one protocol."""

    protocol: str
    arm: str
    prompter: str
    step: int


@final
class Statistics:
    """Means and differences of a table.

    Images are drawn in the bootstrap, together with their near-duplicates. Every figure starts from the same seed, so
    it does not depend on which others are asked for.
    """

    def __init__(self, rows: Sequence[Row], *, seed: int = 0, resamples: int = RESAMPLES) -> None:
        """Sort the rows.

        Args:
            rows: of any number of protocols and arms.
            seed: of the bootstrap.
            resamples: of the bootstrap.
        """
        self._seed = seed
        self._resamples = resamples
        self._cells: dict[Cell, dict[tuple[str, str], Row]] = {}
        for row in rows:
            cell = Cell(row.protocol, row.arm, row.prompter, row.step)
            self._cells.setdefault(cell, {})[row.image, row.object] = row
        self.protocols = tuple(dict.fromkeys(row.protocol for row in rows))
        self.arms = tuple(dict.fromkeys(row.arm for row in rows))

    def rows(self, cell: Cell) -> list[Row]:
        """All rows of a cell, in the order of the table; none if the arm was not asked that."""
        return list(self._cells.get(cell, {}).values())

    def mean(self, cell: Cell, score: str = "iou") -> Interval | None:
        """Mean over images with its 95 % interval; None if the arm was not asked that."""
        rows = self.rows(cell)
        if not rows:
            return None
        return bootstrap_interval(
            [getattr(row, score) for row in rows],
            rng=np.random.default_rng(self._seed),
            groups=[row.group for row in rows],
            resamples=self._resamples,
        )

    def difference(self, cell: Cell, *, of: str, score: str = "iou") -> Interval | None:
        """Mean of (arm ``of`` - the cell's arm) over the same images; None if one of the two was not asked that."""
        first, second = self._cells.get(cell._replace(arm=of), {}), self._cells.get(cell, {})
        shared = [key for key in first if key in second]
        if not shared:
            return None
        return paired_difference(
            [getattr(first[key], score) for key in shared],
            [getattr(second[key], score) for key in shared],
            rng=np.random.default_rng(self._seed),
            groups=[first[key].group for key in shared],
            resamples=self._resamples,
        )

    def clicks_made(self, cell: Cell) -> float | None:
        """Mean number of clicks behind a cell's masks; None if there are none."""
        rows = self.rows(cell)
        return float(np.mean([row.n_clicks for row in rows])) if rows else None

    def curve(self, protocol: str, arm: str) -> list[float]:
        """Mean IoU after each click of the simulated user; empty if the arm takes no clicks."""
        cells = [Cell(protocol, arm, "simulated-user", step) for step in range(1, CLICKS + 1)]
        return [float(np.mean([row.iou for row in self.rows(cell)])) for cell in cells if self.rows(cell)]


def noted_difference(interval: Interval) -> str:
    """A difference in words: which is ahead, or that they cannot be told apart."""
    if interval.low > 0:
        return "ahead"
    return "behind" if interval.high < 0 else "not told apart"
