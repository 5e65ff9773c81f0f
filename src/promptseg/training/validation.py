"""The score by which the best weights are chosen: a simulated user on images that are not learned from.

All these users see the reference, so the scores are an oracle's; they are for choosing, not for reporting.
"""

from collections.abc import Callable, Sequence
from typing import Final, final

import numpy as np

from promptseg.metrics import dice, iou
from promptseg.models.predictor import PromptSegmenter
from promptseg.prompts import box_around, centre_click, next_click
from promptseg.prompts.click_train import click_train_clicks
from promptseg.training.embeddings import Shelf
from promptseg.training.examples import read_reference
from promptseg.training.planning import Item
from promptseg.training.recipe import DataSettings, ValidationSettings
from promptseg.types import BoolMask, Candidates, Embedding, Point, Policy, Prompts

__all__ = ["PROMPTERS", "Validation", "prompter"]

Ask = Callable[[Prompts], Candidates]
Prompter = Callable[[Ask, BoolMask], Candidates]
"""Prompts a model about one object, whose mask it sees; gives the last answer."""


def click(ask: Ask, mask: BoolMask) -> Candidates:
    """One click in the middle of the object."""
    return ask(centre_click(mask))


def box(ask: Ask, mask: BoolMask) -> Candidates:
    """The tight box."""
    return ask(box_around(mask))


def clicks(ask: Ask, mask: BoolMask, *, count: int) -> Candidates:
    """So many clicks, each in the middle of the largest error, with the mask before as a prompt from the second on."""
    points: list[Point] = list(centre_click(mask).points)
    answer = ask(Prompts(points=points))
    for _ in range(count - 1):
        following = next_click(mask, answer.mask, clicked=points)
        if following is None:
            break
        points.append(following)
        answer = ask(Prompts(points=points, mask=answer.mask_prompt))
    return answer


def clicksam(ask: Ask, mask: BoolMask) -> Candidates:
    """A click, then the clicks of ClickSAM's second stage instead (arXiv 2402.05902), if there are any."""
    answer = ask(centre_click(mask))
    found = click_train_clicks(mask, answer.mask)
    return ask(found.prompts) if found.points else answer


PROMPTERS: Final[dict[str, Prompter]] = {"click": click, "box": box, "clicksam": clicksam}
"""Simulated users by name; ``clicks:N`` is :func:`clicks`."""


def prompter(name: str) -> Prompter:
    """The simulated user of a name."""
    if name.startswith("clicks:"):
        count = int(name.removeprefix("clicks:"))
        return lambda ask, mask: clicks(ask, mask, count=count)
    return PROMPTERS[name]


@final
class Validation:
    """Scores a model on the images that the recipe names."""

    def __init__(
        self, items: Sequence[Item], data: DataSettings, settings: ValidationSettings, *, shelf: Shelf | None
    ) -> None:
        """Score on these images; their features come from the shelf, a row for each, or are computed."""
        self._items, self._data, self._settings, self._shelf = items, data, settings, shelf

    def scores(self, segmenter: PromptSegmenter, *, rank: int = 0, processes: int = 1) -> list[float]:
        """The score of each object of this process's share of the images."""
        values: list[float] = []
        for row in range(rank, len(self._items), processes):
            values += self._image(segmenter, row)
        return values

    def _image(self, segmenter: PromptSegmenter, row: int) -> list[float]:
        reference = read_reference(self._items[row].sample, labels=self._data.labels, rule=self._data.objects)
        embedding = self._embedding(segmenter, row, reference.image.size) or segmenter.embed(reference.image)
        user, metric = prompter(self._settings.prompter), {"iou": iou, "dice": dice}[self._settings.metric]
        policy: Policy | None = self._settings.policy

        def ask(prompts: Prompts) -> Candidates:
            return segmenter.segment(embedding, prompts, choose=policy)

        return [float(np.float64(metric(item.mask, user(ask, item.mask).mask))) for item in reference.objects]

    def _embedding(self, segmenter: PromptSegmenter, row: int, size: tuple[int, int]) -> Embedding | None:
        if self._shelf is None:
            return None
        return Embedding(self._shelf.features([row], segmenter.device), size, segmenter.name)
