"""What was segmented, as words, as facts for JSON, and as a picture."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from promptseg.drawing import Window, crop, draw_overlay, window_around
from promptseg.geometry.labels import label_map
from promptseg.geometry.measure import Measurement, measure
from promptseg.geometry.tidying import inside_boxes, tidy
from promptseg.io import CalibrationWarning, UltrasoundRegion, region_spacing, to_display, ultrasound_regions
from promptseg.io.atomic import replacing
from promptseg.types import Candidates, Image, Prompts

__all__ = ["SegmentedObjects", "overlay_of", "size_in_words", "write_picture"]


@dataclass(frozen=True, eq=False)
class SegmentedObjects:
    """The objects of one image.

    Attributes:
        image: as it was read.
        objects: the prompts of each.
        candidates: the masks of each.
        labels: (H, W), 1 for the first object; where objects overlap, the one with the larger logit.
        measurements: of each object in ``labels``.
        regions: calibrated ultrasound regions of the file that the image came from.
    """

    image: Image
    objects: Sequence[Prompts]
    candidates: Sequence[Candidates]
    labels: NDArray[np.uint8] | NDArray[np.uint16]
    measurements: Sequence[Measurement]
    regions: Sequence[UltrasoundRegion] = ()

    @classmethod
    def of(
        cls,
        objects: Sequence[Prompts],
        candidates: Sequence[Candidates],
        image: Image,
        *,
        tidied: bool = False,
        confined: bool = False,
    ) -> "SegmentedObjects":
        """Put the chosen masks into one label map and measure them there.

        Where that is asked for, masks are tidied, and confined to their boxes.
        """
        pairs = zip(objects, candidates, strict=True)
        labels = label_map(
            np.where(inside_boxes(prompts.boxes, image.size), found.chosen_logits, -np.inf)
            if confined
            else found.chosen_logits
            for prompts, found in pairs
        )
        if tidied:
            _tidy_labels(labels, objects)
        regions = _regions(image)
        measurements = []
        for number in range(1, len(objects) + 1):
            mask = labels == number
            measurements.append(measure(mask, spacing_mm=image.spacing_mm or region_spacing(regions, mask)))
        return cls(image, objects, candidates, labels, measurements, regions)

    def safe_view(self) -> Window | None:
        """What an overlay shows by itself: all of a picture or NIfTI, but only a part of a DICOM file.

        A DICOM file, of ultrasound above all, may have the patient's name burned into its pixels. So only the
        ultrasound region that holds the objects is shown, or where no such region is known, what is around them.
        """
        source = self.image.source
        if source is None or source.kind not in ("dicom", "dicom-series"):
            return None
        union = self.labels > 0
        for region in self.regions:
            if region.contains(union):
                x0, y0, x1, y1 = region.box_xyxy
                return Window(x0, y0, x1 + 1, y1 + 1)
        return window_around(union, self.objects, margin=0.5)

    def facts(self) -> dict[str, Any]:
        """For JSON: numbers with their units in the names, None where something is not known."""
        first = self.candidates[0]
        return {
            "image_size": list(self.image.size),
            "spacing_mm": None if self.image.spacing_mm is None else list(self.image.spacing_mm),
            "model": first.model,
            "policy": first.policy,
            "objects": [
                _object_facts(number, *parts)
                for number, parts in enumerate(
                    zip(self.objects, self.candidates, self.measurements, strict=True), start=1
                )
            ],
        }

    def lines(self) -> list[str]:
        """For people: one line for each object, then how they came about."""
        first = self.candidates[0]
        lines = [
            f"object {number:<2}{size_in_words(found)}, score {candidates.score:.2f}"
            for number, (found, candidates) in enumerate(zip(self.measurements, self.candidates, strict=True), start=1)
        ]
        if not any(found.area_mm2 is not None for found in self.measurements):
            lines.append("size     in pixels only: the input states no usable pixel spacing")
        return [*lines, f"model    {first.model}, choosing {first.policy}"]


def overlay_of(result: SegmentedObjects, *, view: Window | None = None) -> NDArray[np.uint8]:
    """The objects and their prompts drawn over the image, or over the part of it in ``view``; (H, W, 3) uint8."""
    numbers = np.arange(1, len(result.objects) + 1)
    display, masks, prompts = to_display(result.image), result.labels == numbers[:, None, None], list(result.objects)
    if view is not None:
        display, masks, prompts = crop(display, masks, prompts, view)
    return draw_overlay(display, masks, prompts)


def write_picture(picture: NDArray[np.uint8], path: Path) -> None:
    """Write a PNG, whole or not at all.

    Raises:
        WriteError: the file cannot be written.
    """
    with replacing(path) as file:
        Pillow.fromarray(picture).save(file, format="PNG")


def _tidy_labels(labels: NDArray[Any], objects: Sequence[Prompts]) -> None:
    """Tidy each object in place; a hole that another object fills stays that object's."""
    for number, prompts in enumerate(objects, start=1):
        mask = labels == number
        kept = tidy(mask, prompts)
        labels[mask & ~kept] = 0
        labels[kept & (labels == 0)] = number


def _regions(image: Image) -> tuple[UltrasoundRegion, ...]:
    """The calibrated ultrasound regions of a single DICOM file; reading the image has warned of wrong ones already."""
    if image.source is None or image.source.kind != "dicom":
        return ()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CalibrationWarning)
        return ultrasound_regions(image.source.path)


def _object_facts(number: int, prompts: Prompts, candidates: Candidates, found: Measurement) -> dict[str, Any]:
    diameters = found.diameters
    calibrated = diameters is not None and diameters.unit == "mm"
    longest = None if diameters is None else round(diameters.longest.length, 3)
    across = None if diameters is None else round(diameters.perpendicular.length, 3)
    return {
        "label": number,
        "points": [[point.x, point.y, "+" if point.positive else "-"] for point in prompts.points],
        "boxes": [[box.x0, box.y0, box.x1, box.y1] for box in prompts.boxes],
        "score": round(candidates.score, 4),
        "area_px": found.area_px,
        "area_mm2": None if found.area_mm2 is None else round(found.area_mm2, 3),
        "longest_px": None if calibrated else longest,
        "across_px": None if calibrated else across,
        "longest_mm": longest if calibrated else None,
        "across_mm": across if calibrated else None,
    }


def size_in_words(found: Measurement) -> str:
    """Area and diameters, in millimetres where they are known."""
    if found.diameters is None:
        return "empty mask"
    area = "" if found.area_mm2 is None else f" = {found.area_mm2:,.1f} mm²"
    unit, longest, across = found.diameters.unit, found.diameters.longest.length, found.diameters.perpendicular.length
    return f"{found.area_px:,} px{area}, longest diameter {longest:.1f} {unit}, across {across:.1f} {unit}"
