"""The best, the median and the worst of each task, drawn with prompts, reference and mask."""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
from PIL import Image as Pillow

from promptseg.data.samples import Sample
from promptseg.drawing import Window, crop, draw_overlay, window_around
from promptseg.errors import DatasetError, ReadError
from promptseg.evaluation.study.analysis.figures import figure
from promptseg.evaluation.study.planning import studied_objects
from promptseg.evaluation.study.report.blocks import Block, Fold, Gallery, Note, Panel, Section, Strip, Words
from promptseg.evaluation.study.report.entrants import Entrant
from promptseg.evaluation.study.report.findings import Findings, Frame, choices
from promptseg.evaluation.study.report.numbers import counted
from promptseg.evaluation.study.report.remaking import Remake, prompts_of
from promptseg.evaluation.study.report.tabling import Record, records
from promptseg.evaluation.study.report.wording import ORACLE_PROMPTS
from promptseg.io import to_display
from promptseg.metrics import iou
from promptseg.types import BoolMask, Image, Prompts

__all__ = ["examples_section"]

_PICTURES: Final = 96
"""On the page at most, so that it stays small."""

_BESIDE: Final = 5
"""Entrants whose masks stand beside each other at most."""

_OPEN: Final = 3
"""Tasks whose pictures are not folded."""

_SIDE_PX: Final = 300
_MARGIN: Final = 0.3
_SAME: Final = 0.02
"""A mask that was made again has the IoU of its row up to this; another batch may round a pixel of the border away."""

_OBJECT: Final = ("dataset", "label", "image", "object")


@final
@dataclass(frozen=True, eq=False)
class _Studied:
    """An object that is drawn."""

    image: Image
    reference: BoolMask
    name: str


@final
@dataclass(eq=False)
class _Studio:
    """What pictures are made of, and what could not be drawn."""

    findings: Findings
    samples: Callable[[str, str], Sample]
    remake: Remake | None
    who: Sequence[Entrant]
    lost: list[str] = field(default_factory=list)

    def strips(self, rows: Frame) -> list[Strip]:
        """Of the rows of one task."""
        of_first = rows[rows["model"] == self.who[0].name]
        found = []
        for which, row in _chosen(of_first, self.findings).items():
            studied = self._studied(row)
            if studied is None:
                self.lost.append(row["image"])
                continue
            same = np.logical_and.reduce([rows[name] == row[name] for name in _OBJECT])
            panels = self._panels(studied, {one["model"]: one for one in records(rows[same & (rows["repeat"] == 0)])})
            if panels:
                found.append(Strip(which, studied.name, panels))
        return found

    def _studied(self, row: Record) -> _Studied | None:
        """The object of a row; None if the data are no longer those of the table."""
        recipe = self.findings.recipe
        data = next((data for data in recipe.data if data.name == row["dataset"]), None)
        if data is None:
            return None
        try:
            sample = self.samples(row["dataset"], row["image"])
            image, objects = sample.read_image(), studied_objects(sample, data, seed=recipe.seed)
        except (DatasetError, ReadError):
            return None
        for item in objects:
            if (item.label, item.number, np.count_nonzero(item.mask)) == (row["label"], row["object"], row["area_px"]):
                several = f", object {item.number + 1}" if data.objects == "each" else ""
                return _Studied(image, item.mask, f"{row['image']}{several}")
        return None

    def _panels(self, studied: _Studied, rows: Mapping[str, Record]) -> list[Panel]:
        """The same window of the image with the mask of each entrant."""
        shown: list[tuple[Entrant, Record, BoolMask | None]] = []
        for one in self.who:
            row = rows.get(one.name)
            if row is None:
                continue
            mask = self.remake(row) if self.remake else None
            if self.remake and (mask is None or abs(iou(studied.reference, mask) - row["iou"]) > _SAME):
                self.lost.append(f"{one.name} on {row['image']}")
                continue
            shown.append((one, row, mask))
        if not shown:
            return []
        masks = [studied.reference, *(mask for _, _, mask in shown if mask is not None)]
        window = window_around(np.stack(masks), [prompts_of(row["prompts"]) for _, row, _ in shown], margin=_MARGIN)
        return [self._panel(studied, window, one, row, mask) for one, row, mask in shown]

    def _panel(self, studied: _Studied, window: Window, one: Entrant, row: Record, mask: BoolMask | None) -> Panel:
        prompts = prompts_of(row["prompts"])
        layers = np.stack([studied.reference] if mask is None else [studied.reference, mask])
        asked = [prompts] if mask is None else [Prompts(), prompts]
        display, cut, moved = crop(to_display(studied.image), layers, asked, window)
        pixels = draw_overlay(np.ascontiguousarray(display), cut, moved, long_side=_SIDE_PX, opacity=0.1)
        picture = Pillow.fromarray(pixels)
        picture.thumbnail((_SIDE_PX, _SIDE_PX), Pillow.Resampling.LANCZOS)
        metric = self.findings.metric
        caption = f"{one.name}: {self.findings.title} {figure(row[metric], metric)}"
        drawn = "reference" if mask is None else "reference and mask"
        return Panel(_data_uri(picture), picture.size, caption, f"{studied.name}: {drawn}, {_said(prompts)}; {caption}")


def examples_section(
    findings: Findings, samples: Callable[[str, str], Sample] | None, remake: Remake | None
) -> Section | None:
    """Pictures of the best, the median and the worst; None where there is nothing to draw from."""
    modes = [way for way in findings.headlines if way.experiment == "modes"]
    if samples is None or not modes:
        return None
    way = modes[-1]
    rows = findings.chosen(way.of(findings.table))
    who = _drawn(findings, rows, masks=remake is not None)
    studio = _Studio(findings, samples, remake, who)
    blocks: list[Block] = []
    for number, task in enumerate(findings.tasks if who else ()):
        of_task = rows[rows["task"] == task]
        strips = studio.strips(of_task)
        if strips:
            gallery = Gallery(task, _note(findings, of_task, who[0]), strips)
            blocks.append(gallery if number < _OPEN else Fold(task, [gallery], detail="best, median and worst"))
    if not blocks and not studio.lost:
        return None
    if studio.lost:
        lost = counted(len(studio.lost), "picture")
        blocks.insert(0, Words([f"Left out: {lost} that could not be made again with the score of the table."]))
    colours = "orange: the mask and its prompt." if remake else "masks are not kept in the table."
    lead = (
        f"The best, the median and the worst object of each task by the {findings.title} of {who[0].name}, with "
        f"{way.phrase}. Turquoise: the reference; {colours}"
    )
    return Section("examples", "Examples", "What does it look like?", lead, blocks)


def _drawn(findings: Findings, rows: Frame, *, masks: bool) -> Sequence[Entrant]:
    """Who is drawn: models, then peers, as many as the page has room for; without masks one stands for all."""
    present = [one for one in findings.present(rows) if not one.peer]
    if not present or not masks:
        return present[:1]
    room = _PICTURES // (3 * len(findings.tasks))
    present += [one for one in findings.present(rows) if one.peer]
    return present[: max(1, min(room, _BESIDE))]


def _chosen(rows: Frame, findings: Findings) -> dict[str, Record]:
    """Of the first repetition; ties go by name, so that the choice is the same everywhere."""
    order = [findings.metric, "image", "object"]
    upwards = [not findings.higher, True, True]
    found = records(rows[rows["repeat"] == 0].sort_values(order, ascending=upwards, kind="stable"))
    if len(found) < 3:
        return dict(zip(("the only one",) if len(found) == 1 else ("best", "worst"), found, strict=False))
    return {"best": found[0], "median": found[len(found) // 2], "worst": found[-1]}


def _said(prompts: Prompts) -> str:
    parts = [counted(len(prompts.points), "click")] if prompts.points else []
    parts += [counted(len(prompts.boxes), "box", "boxes")] if prompts.boxes else []
    return " and ".join(parts) or "no prompt"


def _note(findings: Findings, rows: Frame, first: Entrant) -> Note:
    objects = rows[(rows["model"] == first.name) & (rows["repeat"] == 0)]
    return Note(
        n=f"{counted(len(objects), 'object')}, of which {min(3, len(objects))} are shown",
        unit="object",
        prompts=ORACLE_PROMPTS,
        choice=choices(rows, findings.models),
    )


def _data_uri(picture: Pillow.Image) -> str:
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=78, method=4)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
