"""The best, the median and the worst of each task, drawn with prompts, reference and mask."""

import base64
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from PIL import Image as Pillow

from promptseg.data.samples import Sample
from promptseg.drawing import crop, draw_overlay, window_around
from promptseg.evaluation.study.analysis.figures import figure
from promptseg.evaluation.study.planning import studied_objects
from promptseg.evaluation.study.recipe import StudyRecipe
from promptseg.evaluation.study.report.blocks import Block, Fold, Gallery, Note, Panel, Section, Strip, Words
from promptseg.evaluation.study.report.entrants import Entrant
from promptseg.evaluation.study.report.findings import Findings, Frame, choices
from promptseg.evaluation.study.report.numbers import counted
from promptseg.evaluation.study.report.tabling import records
from promptseg.evaluation.study.report.wording import ORACLE_PROMPTS
from promptseg.evaluation.study.rows import ORACLE_CHOICE
from promptseg.io import to_display
from promptseg.metrics import iou
from promptseg.types import BoolMask, Box, Embedding, Image, Point, Prompts, Segmenter

__all__ = ["Remake", "Remaker", "examples_section", "prompts_of"]

Remake = Callable[[Mapping[Any, Any]], BoolMask | None]
"""Makes the mask of a row of the table again, or says that it cannot."""

_PANELS: Final = 96
"""Pictures on the page at most, so that it stays small."""

_OPEN: Final = 3
"""Tasks whose pictures are not folded."""

_SIDE_PX: Final = 300
_MARGIN: Final = 0.3
_SAME: Final = 1e-3
"""A mask that was made again has the score of its row up to this."""


@final
class Remaker:
    """Makes masks of rows without feedback again, with the models and peers of the study.

    An image is embedded once for each model; the last one stays in memory.
    """

    def __init__(
        self,
        recipe: StudyRecipe,
        samples: Callable[[str, str], Sample],
        segmenter: Callable[[Mapping[Any, Any]], Segmenter],
    ) -> None:
        """Remember where to look.

        Args:
            recipe: of the study.
            samples: an image by data set and name.
            segmenter: who answered in a row of the table.
        """
        self._recipe, self._samples, self._segmenter = recipe, samples, segmenter
        self._kept: tuple[tuple[str, str, str], Embedding] | None = None

    def __call__(self, row: Mapping[Any, Any]) -> BoolMask | None:
        """The mask of a row; None where a mask had been handed back, which the table does not hold."""
        if row["feedback"] and row["step"] > 1:
            return None
        segmenter = self._segmenter(row)
        key = row["model"], row["dataset"], row["image"]
        if self._kept is None or self._kept[0] != key or self._kept[1].model != segmenter.name:
            image = self._samples(row["dataset"], row["image"]).read_image()
            self._kept = key, segmenter.embed(image)
        embedding, prompts = self._kept[1], prompts_of(row["prompts"])
        if row["candidate"] < 0:
            return np.zeros(embedding.image_size, dtype=np.bool_)
        if row["policy"] != ORACLE_CHOICE:
            return segmenter.segment(embedding, prompts, choose=row["policy"]).mask
        return segmenter.segment(embedding, prompts, choose="first").masks[row["candidate"]]


@final
@dataclass(frozen=True, eq=False)
class _Shown:
    """An object before it is drawn."""

    image: Image
    reference: BoolMask
    objects: str


def examples_section(
    findings: Findings, samples: Callable[[str, str], Sample] | None, remake: Remake | None
) -> Section | None:
    """Pictures of the best, the median and the worst; None where there is nothing to draw from."""
    modes = [way for way in findings.headlines if way.experiment == "modes"]
    if samples is None or not modes or not findings.models:
        return None
    way = modes[-1]
    rows = findings.chosen(way.of(findings.table))
    who = _drawn(findings, rows, remake)
    first = who[0] if who else None
    if first is None:
        return None
    blocks: list[Block] = []
    for number, task in enumerate(findings.tasks):
        strips = list(_strips(findings, rows[rows["task"] == task], who, samples, remake))
        if strips:
            gallery = Gallery(task, _note(findings, rows[rows["task"] == task], first), strips)
            blocks.append(gallery if number < _OPEN else Fold(task, [gallery], detail="best, median and worst"))
    if not blocks:
        return None
    if remake is None:
        blocks.insert(0, Words(["Masks are not kept, so that only prompts and references are drawn."]))
    lead = (
        f"The best, the median and the worst object of each task by the {findings.title} of {first.name}, with "
        f"{way.phrase}. "
        "Turquoise: the reference. Orange: the mask, and the prompt."
    )
    return Section("examples", "Examples", "What does it look like?", lead, blocks)


def prompts_of(text: str) -> Prompts:
    """Prompts as they stand in the table.

    >>> prompts_of('{"points": [[3, 4.5, 0]], "boxes": []}').points
    (Point(x=3.0, y=4.5, positive=False),)
    """
    said = json.loads(text)
    points = [Point(x, y, positive=bool(label)) for x, y, label in said.get("points", [])]
    return Prompts(points=points, boxes=[Box(*corners) for corners in said.get("boxes", [])])


def _drawn(findings: Findings, rows: Frame, remake: Remake | None) -> list[Entrant]:
    """Whose masks are drawn: models, then peers, as many as the page has room for."""
    present = [one for one in (*findings.models, *findings.peers) if one.name in set(rows["model"])]
    if not present or present[0].peer:
        return []
    room = max(1, _PANELS // (3 * max(1, len(findings.tasks))))
    return present[: min(room, 5)] if remake else present[:1]


def _strips(
    findings: Findings, rows: Frame, who: list[Entrant], samples: Callable[[str, str], Sample], remake: Remake | None
) -> Iterator[Strip]:
    of_first = rows[rows["model"] == who[0].name]
    for which, row in _chosen(of_first, findings).items():
        shown = _shown(findings.recipe, row, samples)
        if shown is None:
            continue
        same = np.logical_and.reduce([rows[name] == row[name] for name in ("dataset", "label", "image", "object")])
        panels = []
        for one in who:
            found = records(rows[same & (rows["model"] == one.name)])
            panel = _panel(findings, one, found[0], shown, remake) if found else None
            if panel is not None:
                panels.append(panel)
        if panels:
            yield Strip(which, f"{row['image']}{shown.objects}", panels)


def _chosen(rows: Frame, findings: Findings) -> dict[str, dict[Any, Any]]:
    """Of the first repetition; ties go by name, so that the choice is the same everywhere."""
    ordered = rows[rows["repeat"] == 0].sort_values(
        [findings.metric, "image", "object"], ascending=[not findings.higher, True, True], kind="stable"
    )
    found = records(ordered)
    if not found:
        return {}
    if len(found) < 3:
        return dict(zip(("best", "worst") if len(found) == 2 else ("the only one",), found, strict=True))
    return {"best": found[0], "median": found[len(found) // 2], "worst": found[-1]}


def _shown(recipe: StudyRecipe, row: Mapping[Any, Any], samples: Callable[[str, str], Sample]) -> _Shown | None:
    """The object of a row, or None if the data are no longer those of the table."""
    data = next((data for data in recipe.data if data.name == row["dataset"]), None)
    if data is None:
        return None
    sample = samples(row["dataset"], row["image"])
    image = sample.read_image()
    for studied in studied_objects(sample, data, seed=recipe.seed):
        if (studied.label, studied.number) == (row["label"], row["object"]) and studied.area_px == row["area_px"]:
            several = f", object {studied.number + 1}" if data.objects == "each" else ""
            return _Shown(image, studied.mask, several)
    return None


def _panel(
    findings: Findings, one: Entrant, row: Mapping[Any, Any], shown: _Shown, remake: Remake | None
) -> Panel | None:
    mask = remake(row) if remake else None
    if remake and (mask is None or abs(iou(shown.reference, mask) - row["iou"]) > _SAME):
        return None
    prompts = prompts_of(row["prompts"])
    drawn = [shown.reference] if mask is None else [shown.reference, mask]
    asked = [Prompts(), prompts] if mask is not None else [prompts]
    layers = np.stack(drawn)
    window = window_around(layers, [prompts], margin=_MARGIN)
    cut_display, cut_masks, cut_prompts = crop(to_display(shown.image), layers, asked, window)
    pixels = draw_overlay(np.ascontiguousarray(cut_display), cut_masks, cut_prompts, long_side=_SIDE_PX, opacity=0.1)
    picture = Pillow.fromarray(pixels)
    picture.thumbnail((_SIDE_PX, _SIDE_PX), Pillow.Resampling.LANCZOS)
    caption = f"{one.name}: {findings.title} {figure(row[findings.metric], findings.metric)}"
    words = f"{row['image']}: reference{' and mask' if mask is not None else ''} with {_said(prompts)}; {caption}"
    return Panel(_data_uri(picture), picture.size, caption, words)


def _said(prompts: Prompts) -> str:
    parts = [counted(len(prompts.points), "click")] if prompts.points else []
    parts += [counted(len(prompts.boxes), "box", "boxes")] if prompts.boxes else []
    return " and ".join(parts) or "no prompt"


def _note(findings: Findings, rows: Frame, first: Entrant) -> Note:
    objects = rows[rows["model"] == first.name]
    return Note(
        n=f"{counted(len(objects), 'object')}, of which three are shown",
        unit="object",
        prompts=ORACLE_PROMPTS,
        choice=choices(rows, findings.models),
    )


def _data_uri(picture: Pillow.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=78, method=4)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
