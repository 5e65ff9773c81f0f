"""Pictures of the report: the stages of the paper's Fig. 1 and 2, and masks beside their references."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from promptseg.drawing import Window, crop, draw_overlay, window_around
from promptseg.evaluation.clicksam.prompting import Step
from promptseg.io import to_display
from promptseg.types import BoolMask, Image, Prompts

__all__ = ["Panel", "data_uri", "reference_panel", "result_panel", "stage_panels"]

Display = NDArray[np.uint8]

TRUE_POSITIVE: Final = (76, 175, 80)
FALSE_POSITIVE: Final = (229, 57, 53)
FALSE_NEGATIVE: Final = (255, 193, 7)

_SIDE_PX: Final = 360
_MARGIN: Final = 0.35


@final
@dataclass(frozen=True, eq=False)
class Panel:
    """A picture with its caption.

    Attributes:
        pixels: (H, W, 3) uint8.
        caption: below it.
    """

    pixels: Display
    caption: str


def stage_panels(image: Image, reference: BoolMask, steps: Sequence[Step], scores: Sequence[str]) -> list[Panel]:
    """Image, reference, stage 1 with its click, its errors with the clicks that they get, stage 2.

    Args:
        image: the picture.
        reference: (H, W).
        steps: the two of the prompter ``oracle-clicks``.
        scores: what to say of the masks of the two stages.
    """
    view = _View(image, [reference, *(step.shown.mask for step in steps)])
    first, final = steps
    return [
        Panel(view.plain(), "image"),
        Panel(view.masks(reference), "reference"),
        Panel(view.masks(first.shown.mask, first.prompts), f"stage 1: {scores[0]}"),
        Panel(view.errors(reference, first.shown.mask, final.prompts), "right, missed, too much, and clicks"),
        Panel(view.masks(final.shown.mask), f"stage 2: {scores[1]}"),
    ]


def reference_panel(image: Image, reference: BoolMask, others: Sequence[BoolMask]) -> Panel:
    """The reference on its image, in the window that holds other masks too."""
    return Panel(_View(image, [reference, *others]).masks(reference), "reference")


def result_panel(image: Image, reference: BoolMask, others: Sequence[BoolMask], step: Step, caption: str) -> Panel:
    """A mask with its prompts, in the window of :func:`reference_panel`."""
    return Panel(_View(image, [reference, *others]).masks(step.shown.mask, step.prompts), caption)


def data_uri(pixels: Display) -> str:
    """The picture as a WebP inside an address, so that a page needs no other file."""
    file = io.BytesIO()
    Pillow.fromarray(pixels).save(file, "WEBP", quality=82, method=4)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()


@final
class _View:
    """A window of an image, enlarged to a common size."""

    def __init__(self, image: Image, masks: Sequence[BoolMask]) -> None:
        self._display = to_display(image)
        self._window: Window = window_around(np.stack(masks), margin=_MARGIN)

    def plain(self) -> Display:
        return self._drawn(np.zeros((0, *self._display.shape[:2]), dtype=np.bool_), Prompts())

    def masks(self, mask: BoolMask, prompts: Prompts | None = None) -> Display:
        return self._drawn(mask[None], prompts or Prompts())

    def errors(self, reference: BoolMask, mask: BoolMask, prompts: Prompts) -> Display:
        """What is right, missed and too much in three colours."""
        painted = np.array(Pillow.fromarray(self._display).convert("RGB"), dtype=np.float32)
        kinds = (
            (reference & mask, TRUE_POSITIVE),
            (mask & ~reference, FALSE_POSITIVE),
            (reference & ~mask, FALSE_NEGATIVE),
        )
        for region, colour in kinds:
            painted[region] = 0.45 * painted[region] + 0.55 * np.array(colour)
        nothing = np.zeros((0, *mask.shape), dtype=np.bool_)
        return self._drawn(nothing, prompts, display=painted.astype(np.uint8))

    def _drawn(self, masks: BoolMask, prompts: Prompts, *, display: Display | None = None) -> Display:
        source = self._display if display is None else display
        shown, cut, moved = crop(source, masks, [replace(prompts, mask=None)], self._window)
        longest = max(shown.shape[:2])
        size = tuple(max(1, round(length * _SIDE_PX / longest)) for length in shown.shape[1::-1])
        drawn = draw_overlay(np.ascontiguousarray(shown), cut, moved, long_side=_SIDE_PX, opacity=0.2)
        return np.asarray(Pillow.fromarray(drawn).resize((size[0], size[1]), Pillow.Resampling.LANCZOS))
