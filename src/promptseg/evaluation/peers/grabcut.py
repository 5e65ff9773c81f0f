"""GrabCut: two mixtures of five gaussians of colour, for object and background, and the cheapest cut between them.

Rother, Kolmogorov, Blake, GrabCut, ACM Transactions on Graphics 23(3), 2004, doi 10.1145/1015706.1015720, in OpenCV.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import MissingExtraError
from promptseg.evaluation.peers.asking import Asked
from promptseg.evaluation.peers.close_up import CloseUp, Look, from_close_up
from promptseg.evaluation.peers.peer import Draw
from promptseg.evaluation.peers.shapes import claimed, disc_mask, ellipse_mask, extents, pixels_in
from promptseg.types import BoolMask

__all__ = ["grabcut_draw"]

ITERATIONS: Final = 5
SIDE: Final = 128
MARGIN: Final = 0.1
SMOOTHING_PX: Final = 1.0
"""Deviation of the gaussian that smoothes speckle, in pixels of the close-up."""
BOX_CORE: Final = 0.7
"""The ellipse in the box, this much smaller, is certainly object; without one the mask is often empty."""
CLICK_CORE: Final = 0.5
"""So is the disc of the usual size at a click, this much smaller."""
FAR: Final = 2.0
"""Beyond so many radii from each positive click all is certainly background."""
NEGATIVE: Final = 0.1
"""Radius of what a negative click certainly leaves out, in radii of the object."""


def grabcut_draw(share: float) -> Draw:
    """GrabCut for a :class:`~promptseg.evaluation.peers.peer.Peer`.

    Raises:
        MissingExtraError: OpenCV is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise MissingExtraError('the peer "grabcut" needs OpenCV: pip install "promptseg[peers]"') from error
    look = Look(share, SIDE, radii=FAR * 1.1, margin=MARGIN)

    def draw(shown: NDArray[np.uint8], asked: Asked) -> BoolMask:
        return from_close_up(shown, asked, look, lambda close_up: _cut(close_up, cv2))

    return draw


def _cut(close_up: CloseUp, cv2: Any) -> BoolMask:  # noqa: ANN401 (OpenCV has no types)
    """The cut; where object or background has no pixel to learn from, the first guess."""
    from scipy import ndimage

    labels = _first_guess(close_up, cv2)
    guessed: BoolMask = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    if guessed.all() or not guessed.any():
        return guessed
    colours = close_up.shown if close_up.shown.ndim == 3 else np.repeat(close_up.shown[..., None], 3, axis=-1)
    smooth = np.rint(ndimage.gaussian_filter(colours, (SMOOTHING_PX, SMOOTHING_PX, 0))).astype(np.uint8)
    cv2.setRNGSeed(0)  # k-means starts at random; OpenCV keeps one generator for each thread
    models = np.zeros((2, 1, 65))
    cv2.grabCut(smooth, labels, None, models[0], models[1], ITERATIONS, cv2.GC_INIT_WITH_MASK)
    found: BoolMask = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    return found


def _first_guess(close_up: CloseUp, cv2: Any) -> NDArray[np.uint8]:  # noqa: ANN401 (OpenCV has no types)
    asked, size, reach = close_up.asked, close_up.size, close_up.reach
    labels = np.full(size, cv2.GC_BGD, np.uint8)
    discs = list(zip(asked.positive_xy, extents(asked.positive_xy, reach), strict=True))
    if asked.box is None:
        for centre, _ in discs:
            labels[disc_mask(centre, FAR * reach, size)] = cv2.GC_PR_BGD
        for centre, radius in discs:
            labels[disc_mask(centre, radius, size)] = cv2.GC_PR_FGD
        core = np.zeros(size, np.bool_)
    else:
        labels[pixels_in(asked.box, size)] = cv2.GC_PR_FGD
        core = ellipse_mask(asked.box, size, scale=BOX_CORE)
    for centre, radius in discs:
        core |= disc_mask(centre, CLICK_CORE * radius, size)
    ours = claimed(asked.anchors_xy, asked.negative_xy, size)
    labels[core & ours] = cv2.GC_FGD
    for centre in asked.negative_xy:
        labels[disc_mask(centre, NEGATIVE * reach, size) & ~ours] = cv2.GC_BGD
    return labels
