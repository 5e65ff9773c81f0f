"""Masks of the table made again for pictures, since the table holds their scores alone."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, final

import numpy as np

from promptseg.data.samples import Sample
from promptseg.errors import CheckpointError, FetchError, MissingExtraError, ReadError, UnknownNameError
from promptseg.evaluation.peers import PEERS, build_peer
from promptseg.evaluation.study.contenders import OpenSegmenter, open_segmenter
from promptseg.evaluation.study.recipe import StudyRecipe
from promptseg.evaluation.study.rows import ORACLE_CHOICE
from promptseg.types import BoolMask, Box, Embedding, Point, Prompts, Segmenter

__all__ = ["Remake", "Remaker", "prompts_of"]

Remake = Callable[[Mapping[Any, Any]], BoolMask | None]
"""Makes the mask of a row of the table again, or says that it cannot."""

_NOT_HERE: Final = (CheckpointError, FetchError, MissingExtraError, ReadError, UnknownNameError)
"""A model that answered once and is no longer at hand."""


@final
class Remaker:
    """Makes masks again with the models and peers of the study, which are opened when they are first needed.

    A row tells its prompts, but neither a mask that had been handed back nor the size of the peer ``disc``, so these
    cannot be made again; nor can masks of models that are no longer where the recipe says. An image is embedded once
    for the rows of one model that follow each other.
    """

    def __init__(
        self,
        recipe: StudyRecipe,
        samples: Callable[[str, str], Sample],
        *,
        device: str = "auto",
        open_model: OpenSegmenter = open_segmenter,
    ) -> None:
        """Remember where to look.

        Args:
            recipe: of the study, with paths that hold here.
            samples: an image by data set and name.
            device: where models answer.
            open_model: how they are opened.
        """
        self._recipe, self._samples = recipe, samples
        self._device, self._open = device, open_model
        self._segmenters: dict[str, Segmenter | None] = {}
        self._kept: tuple[tuple[str, str, str], Embedding] | None = None

    def __call__(self, row: Mapping[Any, Any]) -> BoolMask | None:
        """The (H, W) mask of a row, by column; None where it cannot be made again."""
        if row["feedback"] and row["step"] > 1:
            return None
        segmenter = self._segmenter(row["model"])
        if segmenter is None:
            return None
        embedding, prompts = self._embedding(segmenter, row), prompts_of(row["prompts"])
        if row["candidate"] < 0:
            return np.zeros(embedding.image_size, dtype=np.bool_)
        if row["policy"] != ORACLE_CHOICE:
            return segmenter.segment(embedding, prompts, choose=row["policy"]).mask
        chosen: BoolMask = segmenter.segment(embedding, prompts, choose="first").masks[row["candidate"]]
        return chosen

    def _embedding(self, segmenter: Segmenter, row: Mapping[Any, Any]) -> Embedding:
        key = row["model"], row["dataset"], row["image"]
        if self._kept is None or self._kept[0] != key:
            self._kept = key, segmenter.embed(self._samples(row["dataset"], row["image"]).read_image())
        return self._kept[1]

    def _segmenter(self, name: str) -> Segmenter | None:
        if name not in self._segmenters:
            try:
                self._segmenters[name] = self._opened(name)
            except _NOT_HERE:
                self._segmenters[name] = None
        return self._segmenters[name]

    def _opened(self, name: str) -> Segmenter | None:
        settings = next((model for model in self._recipe.model if model.name == name), None)
        if settings is not None:
            return self._open(settings, self._device)
        return build_peer(name) if name in PEERS and not PEERS[name].needs_share else None


def prompts_of(text: str) -> Prompts:
    """Prompts as they stand in the table.

    >>> prompts_of('{"points": [[3, 4.5, 0]], "boxes": []}').points
    (Point(x=3.0, y=4.5, positive=False),)
    """
    said = json.loads(text)
    points = [Point(x, y, positive=bool(label)) for x, y, label in said.get("points", [])]
    return Prompts(points=points, boxes=[Box(*corners) for corners in said.get("boxes", [])])
