"""The next click of a user who corrects a mask, simulated from the reference, by four rules.

:func:`next_click` is the rule of RITM, SimpleClick and FocalClick, :func:`study_click` that of Mazurowski et al.,
:func:`random_error_click` that of the training of Segment Anything, and :func:`deepest_error_click` looks at the area
of errors instead of their depth. Everything made here comes from the reference, so a score reached with such clicks is
an oracle's.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import PromptError, ValueRangeError
from promptseg.geometry.distances import chamfer_distance_inside, distance_inside
from promptseg.geometry.masks import check_mask, check_pair
from promptseg.geometry.regions import label_components
from promptseg.prompts.placement import centre_click
from promptseg.types import BoolMask, Point

__all__ = ["deepest_error_click", "next_click", "random_error_click", "study_click"]


def next_click(
    reference: BoolMask, prediction: BoolMask, *, clicked: Sequence[Point] = (), ignore: BoolMask | None = None
) -> Point | None:
    """The click in the middle of the largest error, or None if no error is left to click on.

    Missing and superfluous pixels are looked at apart. In each kind of error the distance to the nearest other pixel
    is computed (exactly, with a rim of one pixel around the image), and set to zero at pixels that were clicked. The
    larger maximum wins: positive if pixels are missing there; equal maxima give a negative click. Of several pixels at
    the maximum the first in row-major order is taken, so the result is deterministic.

    Args:
        reference: (H, W), what the object is.
        prediction: (H, W), what was segmented; all False for the first click.
        clicked: clicks made before; each lies on the pixel nearest to it (halves go to the even one).
        ignore: (H, W), pixels that count as no error (label -1 in the original), or None.

    >>> next_click(np.pad(np.ones((3, 3), dtype=bool), 2), np.zeros((7, 7), dtype=bool))
    Point(x=3.0, y=3.0, positive=True)

    Raises:
        ValueRangeError: if an array is no mask or the shapes differ.
        PromptError: if a click made before lies outside the image.
    """
    check_pair(reference, prediction)
    check_mask(reference, name="reference")
    counted = np.ones(reference.shape, dtype=np.bool_) if ignore is None else ~_like(ignore, reference, name="ignore")
    fresh = _not_clicked(clicked, reference.shape)
    missing = distance_inside(reference & ~prediction & counted) * fresh
    superfluous = distance_inside(~reference & prediction & counted) * fresh
    positive = bool(missing.max() > superfluous.max())
    distances = missing if positive else superfluous
    place = int(np.argmax(distances))
    if not distances.flat[place] > 0:
        return None
    row, column = divmod(place, reference.shape[1])
    return Point(column, row, positive)


def study_click(
    reference: BoolMask,
    prediction: BoolMask,
    *,
    clicked: Sequence[Point] = (),
    rng: np.random.Generator | None = None,
    literal: bool = False,
    any_label: BoolMask | None = None,
) -> Point | None:
    """The click at the deepest pixel of the error, as in Algorithm 1 of Mazurowski et al. (2023).

    (doi 10.1016/j.media.2023.102918.) Missing and superfluous pixels make one error together, so it can be deepest
    where both meet; the click is positive if the reference holds its pixel. Exact distances, the first of several
    deepest pixels in row-major order, and None if no error is left.

    Args:
        reference: (H, W), what the object is.
        prediction: (H, W), what was segmented; all False for the first click.
        clicked: pixels that are not clicked again, as in :func:`next_click`. The study has no such rule, and a model
            that leaves an error as it is gets the same click again; so give none to follow it.
        rng: the source of randomness for ``literal``.
        literal: as the authors' code: distances as in
            :func:`~promptseg.geometry.distances.chamfer_distance_inside`, a random one of several deepest pixels, and
            if no error is left, a random pixel of the image.
        any_label: (H, W), where any class is, for ``literal``: the code takes the sign of the click from there, so
            what is too much on another organ is clicked as if it were missing. None where there is one class.

    >>> study_click(np.pad(np.ones((3, 3), dtype=bool), 2), np.zeros((7, 7), dtype=bool))
    Point(x=3.0, y=3.0, positive=True)

    Raises:
        ValueRangeError: if an array is no mask, the shapes differ, ``literal`` comes without ``rng``, or ``any_label``
            without ``literal``.
        PromptError: if a click made before lies outside the image.
    """
    check_pair(reference, prediction)
    check_mask(reference, name="reference")
    labels = reference if any_label is None else _like(any_label, reference, name="any_label")
    fresh = _not_clicked(clicked, reference.shape)
    if literal:
        if rng is None:
            raise ValueRangeError("literal=True draws at random: give it rng, such as numpy.random.default_rng(0)")
        distances = chamfer_distance_inside(reference ^ prediction) * fresh
        place = int(rng.choice(np.flatnonzero(distances == distances.max())))
    else:
        if any_label is not None:
            raise ValueRangeError("any_label repeats an error of published code: give it only with literal=True")
        distances = distance_inside(reference ^ prediction) * fresh
        place = int(np.argmax(distances))
        if not distances.flat[place] > 0:
            return None
    row, column = divmod(place, reference.shape[1])
    return Point(column, row, bool(labels[row, column]))


def random_error_click(reference: BoolMask, prediction: BoolMask, rng: np.random.Generator) -> Point | None:
    """A click on any pixel of the error, each as likely, or None if there is none; positive if the pixel is missing.

    The rule of the interactive training of Segment Anything (arXiv 2304.02643).

    Args:
        reference: (H, W), what the object is.
        prediction: (H, W), what was segmented; all False for the first click.
        rng: the source of randomness.

    Raises:
        ValueRangeError: if an array is no mask or the shapes differ.
    """
    check_pair(reference, prediction)
    check_mask(reference, name="reference")
    wrong = np.flatnonzero(reference ^ prediction)
    if not len(wrong):
        return None
    row, column = divmod(int(wrong[rng.integers(len(wrong))]), reference.shape[1])
    return Point(column, row, bool(reference[row, column]))


def deepest_error_click(reference: BoolMask, prediction: BoolMask) -> Point | None:
    """The click at the deepest pixel of the largest part of the error, by area; None if no error is left.

    Missing and superfluous pixels are looked at apart, each in 8-connected parts. Where a large error is thin and a
    small one is thick, this clicks on the large one and :func:`next_click` on the thick one. Equal areas give a
    negative click; else ties go to the first in row-major order.

    Args:
        reference: (H, W), what the object is.
        prediction: (H, W), what was segmented; all False for the first click.

    Raises:
        ValueRangeError: if an array is no mask or the shapes differ.
    """
    check_pair(reference, prediction)
    check_mask(reference, name="reference")
    missing, missing_px = label_components(reference & ~prediction)
    extra, extra_px = label_components(prediction & ~reference)
    positive = bool(missing_px[:1].sum() > extra_px[:1].sum())
    part = (missing if positive else extra) == 1
    if not part.any():
        return None
    (point,) = centre_click(part).points
    return Point(point.x, point.y, positive)


def _like(given: NDArray[Any], reference: BoolMask, *, name: str) -> BoolMask:
    mask = check_mask(given, name=name)
    if mask.shape != reference.shape:
        raise ValueRangeError(f"{name} must have the same shape as reference, got {mask.shape} and {reference.shape}")
    return mask


def _not_clicked(clicked: Sequence[Point], image_size: tuple[int, ...]) -> BoolMask:
    height, width = image_size
    fresh = np.ones((height, width), dtype=np.bool_)
    for point in clicked:
        row, column = round(point.y), round(point.x)
        if not (0 <= row < height and 0 <= column < width):
            raise PromptError(f"clicked {point} lies outside the image of width {width} and height {height}")
        fresh[row, column] = False
    return fresh
