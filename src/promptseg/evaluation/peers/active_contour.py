"""The geodesic active contour: an outline that is drawn to edges and kept smooth; from a click it also grows.

Marquez-Neila, Baumela, Alvarez, A morphological approach to curvature-based evolution of curves and surfaces, IEEE
TPAMI 36(1), 2014, doi 10.1109/TPAMI.2013.106, in scikit-image.
"""

import math
from collections.abc import Callable
from threading import Lock
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import MissingExtraError
from promptseg.evaluation.peers.asking import Asked
from promptseg.evaluation.peers.close_up import CloseUp, Look, from_close_up
from promptseg.evaluation.peers.peer import Draw
from promptseg.evaluation.peers.shapes import claimed, disc_mask, ellipse_mask, extents
from promptseg.types import BoolMask

__all__ = ["active_contour_draw"]

SIDE: Final = 128
MARGIN: Final = 0.15
EDGE_PX: Final = 2.0
"""Deviation of the gaussian before gradients are taken, in pixels of the close-up."""
BOX_STEPS: Final = 10
"""Steps from the ellipse in the box, without growing or shrinking."""
CLICK_START: Final = 0.25
"""The contour starts as the disc of the usual size at a click, this much smaller."""
CLICK_STEPS: Final = 1.0
"""Steps of growing by one pixel where there is no edge, in radii of the object; rounded up."""
FAR: Final = 2.0
"""The contour stays within so many radii of the positive clicks."""

_TURNS: Final = Lock()
_PROBE: Final = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 1]])
"""One step leaves 2 pixels of it or 1: scikit-image smooths in two ways in turn, shared by all calls of a process."""


def active_contour_draw(share: float) -> Draw:
    """The geodesic active contour for a :class:`~promptseg.evaluation.peers.peer.Peer`.

    Raises:
        MissingExtraError: scikit-image is not installed.
    """
    try:
        from skimage.segmentation import inverse_gaussian_gradient, morphological_geodesic_active_contour
    except ImportError as error:
        message = 'the peer "geodesic-active-contour" needs scikit-image: pip install "promptseg[study]"'
        raise MissingExtraError(message) from error
    look = Look(share, SIDE, radii=FAR, margin=MARGIN)

    def draw(shown: NDArray[np.uint8], asked: Asked) -> BoolMask:
        return from_close_up(
            shown,
            asked,
            look,
            lambda close_up: _evolved(close_up, inverse_gaussian_gradient, morphological_geodesic_active_contour),
        )

    return draw


def _evolved(
    close_up: CloseUp, flatness: Callable[..., NDArray[Any]], contour: Callable[..., NDArray[Any]]
) -> BoolMask:
    """Where the contour shrinks to nothing, or the close-up is too thin for gradients, what it started from."""
    asked, size, reach = close_up.asked, close_up.size, close_up.reach
    clicked, near = np.zeros(size, np.bool_), np.zeros(size, np.bool_)
    for centre, radius in zip(asked.positive_xy, extents(asked.positive_xy, reach), strict=True):
        clicked |= disc_mask(centre, CLICK_START * radius, size)
        near |= disc_mask(centre, FAR * reach, size)
    if asked.box is None:
        start, steps, balloon = clicked, math.ceil(CLICK_STEPS * reach), 1
    else:
        start, steps, balloon = clicked | ellipse_mask(asked.box, size), BOX_STEPS, 0
    found = start
    if min(size) > 1:
        flat = flatness(close_up.gray / 255, sigma=EDGE_PX)
        with _TURNS:
            if _probed(contour) == 1:  # one more, so that each contour begins with the same of the two
                _probed(contour)
            found = contour(flat, steps, start, balloon=balloon) > 0
        found = found | clicked if found.any() else start
    if asked.box is None:
        found = found & near
    return found & claimed(asked.anchors_xy, asked.negative_xy, size)


def _probed(contour: Callable[..., NDArray[Any]]) -> int:
    return int(contour(np.ones(_PROBE.shape), 1, _PROBE, threshold=1).sum())
