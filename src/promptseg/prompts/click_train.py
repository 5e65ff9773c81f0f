"""How many clicks, and where, for what a mask has right, misses and has too much: the rule of Segmentation Click Train.

ClickSAM (arXiv 2402.05902) takes its second stage's clicks from the same rule (github.com/FlorinAndrei/
segmentation_click_train). The clicks come from the reference, so a score reached with them is an oracle's.

Published at this point but not here: the authors place by annealing (``method="annealing"`` does), and ClickSAM's
notebook hands (row, column) on its grid of 256 to a network whose frame has 1024 pixels; that error belongs to the
training that repeats it, never to the clicks.
"""

from dataclasses import dataclass
from typing import Final, Literal, final

import numpy as np

from promptseg.geometry.masks import check_mask, check_pair
from promptseg.geometry.regions import label_components
from promptseg.prompts.voronoi import Spreading, spread_clicks
from promptseg.types import BoolMask, Point, Prompts

__all__ = ["ClickTrainClicks", "Kind", "click_train_clicks", "clicks_for_area", "regions_to_click"]

Kind = Literal["tp", "fn", "fp"]

_AREA_FRAME_PX: Final = 512**2
_MOST_OF_A_PART: Final = 5
_MOST_OF_A_KIND: Final = 10
_WORTH_A_CLICK: Final = 0.05
_CLOSE_IOU: Final = 0.95


@final
@dataclass(frozen=True)
class ClickTrainClicks:
    """Clicks with the kind of region that each lies in; maybe none, then it says why.

    Attributes:
        points: in the order right, missed, too much; positive but for the last.
        kinds: of each point, ``tp``, ``fn`` or ``fp``.
        fallback: why there are no clicks: the mask is ``close`` to the reference (IoU above .95), or its errors are
            too ``small``; None if there are. Stage 2 of ClickSAM then keeps the click of stage 1.
    """

    points: tuple[Point, ...]
    kinds: tuple[Kind, ...]
    fallback: Literal["close", "small"] | None = None

    @property
    def prompts(self) -> Prompts:
        """The points as prompts; empty if there are none."""
        return Prompts(points=self.points)


def clicks_for_area(area_px: float, image_size: tuple[int, ...]) -> int:
    """Clicks for a part of this area in an image of (height, width): min(5, trunc(1 + 2 (log10 A - 3))), at least 0.

    A is the area in an image of 512 x 512. One click from 1,000 pixels on, one more with each factor of sqrt(10).

    >>> [clicks_for_area(area, (512, 512)) for area in (999, 1000, 3163, 10_000, 31_623, 100_000, 262_144)]
    [0, 1, 2, 3, 4, 5, 5]
    """
    scaled = area_px * _AREA_FRAME_PX / (image_size[0] * image_size[1])
    return sum(scaled**2 >= 10 ** (6 + more) for more in range(_MOST_OF_A_PART))


def click_train_clicks(
    reference: BoolMask,
    prediction: BoolMask,
    *,
    method: Spreading = "inverse-distance",
    rng: np.random.Generator | int = 0,
) -> ClickTrainClicks:
    """Clicks for the 8-connected parts of what is right, missed and too much.

    Parts are visited by falling area within each kind. A part gets :func:`clicks_for_area`; an error for which that is
    0 gets one click if its area is 5 % or more of the right area visited; the first part that gets none ends its kind,
    and so does one that would be the kind's eleventh click or more. No clicks at all if the IoU is above .95, or if no
    error got one.

    Args:
        reference: (H, W), what the object is.
        prediction: (H, W), what was segmented.
        method: how clicks are spread in a part, see :func:`~promptseg.prompts.voronoi.spread_clicks`.
        rng: the source of randomness or its seed.

    Raises:
        ValueRangeError: if an array is no mask or the shapes differ.
        UnknownNameError: if there is no such method.
    """
    check_pair(reference, prediction)
    check_mask(reference, name="reference")
    generator = np.random.default_rng(rng)
    if _is_close(reference, prediction):
        return ClickTrainClicks((), (), "close")
    places = [
        (kind, Point(int(x), int(y), kind != "fp"))
        for kind, part, count in regions_to_click(reference, prediction)
        for x, y in spread_clicks(part, count, method=method, rng=generator)
    ]
    if not places:
        return ClickTrainClicks((), (), "small")
    return ClickTrainClicks(tuple(point for _, point in places), tuple(kind for kind, _ in places))


def regions_to_click(reference: BoolMask, prediction: BoolMask) -> list[tuple[Kind, BoolMask, int]]:
    """The parts that :func:`click_train_clicks` clicks, each with its kind and its number of clicks; maybe none."""
    if _is_close(reference, prediction):
        return []
    right, right_area = _wanted("tp", reference & prediction, None)
    missed, _ = _wanted("fn", reference & ~prediction, right_area)
    extra, _ = _wanted("fp", prediction & ~reference, right_area)
    return [*right, *missed, *extra] if missed or extra else []


def _is_close(reference: BoolMask, prediction: BoolMask) -> bool:
    either, common = int(np.count_nonzero(reference | prediction)), int(np.count_nonzero(reference & prediction))
    return either == 0 or common > _CLOSE_IOU * either


def _wanted(kind: Kind, region: BoolMask, right_area: int | None) -> tuple[list[tuple[Kind, BoolMask, int]], int]:
    """Parts of one kind with the clicks each gets, and the area visited; ``right_area`` is None for what is right."""
    numbers, areas_px = label_components(region)
    wanted: list[tuple[Kind, BoolMask, int]] = []
    visited = given = 0
    for number, area in enumerate(areas_px.tolist(), start=1):
        visited += area
        count = clicks_for_area(area, region.shape)
        if count == 0 and right_area is not None and area >= _WORTH_A_CLICK * right_area:
            count = 1
        if count == 0 or given + count > _MOST_OF_A_KIND:
            break
        given += count
        wanted.append((kind, numbers == number, count))
    return wanted, visited
