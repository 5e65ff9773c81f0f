"""The random walker: a pixel is object if a walk that avoids edges meets a seed of the object first.

Grady, Random walks for image segmentation, IEEE TPAMI 28(11), 2006, doi 10.1109/TPAMI.2006.233, in scikit-image.
"""

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import MissingExtraError
from promptseg.evaluation.peers.asking import Asked
from promptseg.evaluation.peers.close_up import CloseUp, Look, from_close_up
from promptseg.evaluation.peers.peer import Draw
from promptseg.evaluation.peers.shapes import claimed, disc_mask, ellipse_mask, extents, pixels_in
from promptseg.geometry.distances import distance_to
from promptseg.types import BoolMask

__all__ = ["random_walker_draw"]

SIDE: Final = 128
MARGIN: Final = 0.0
BETA: Final = 2000.0
"""How much edges hinder; scikit-image's default is 130."""
BOX_SEED: Final = 0.7
"""The ellipse in the box, this much smaller, is the seed of the object."""
CLICK_SEED: Final = 0.25
"""So is the disc of the usual size at a click, this much smaller."""
FAR: Final = 3.0
"""Beyond so many radii from each positive click all is a seed of the background."""
NEGATIVE: Final = 0.1
"""Radius of the seed at a negative click, in radii of the object."""

_OBJECT, _BACKGROUND = 1, 2


def random_walker_draw(share: float) -> Draw:
    """The random walker for a :class:`~promptseg.evaluation.peers.peer.Peer`.

    Raises:
        MissingExtraError: scikit-image is not installed.
    """
    try:
        from skimage.segmentation import random_walker
    except ImportError as error:
        raise MissingExtraError(
            'the peer "random-walker" needs scikit-image: pip install "promptseg[study]"'
        ) from error
    look = Look(share, SIDE, radii=FAR, margin=MARGIN)

    def draw(shown: NDArray[np.uint8], asked: Asked) -> BoolMask:
        return from_close_up(shown, asked, look, lambda close_up: _walk(close_up, random_walker))

    return draw


def _walk(close_up: CloseUp, random_walker: Callable[..., NDArray[Any]]) -> BoolMask:
    """The equations are solved exactly: by iteration they would not always be, where edges hinder that much.

    Where no grey value differs from another, a pixel belongs to the seeds that are nearer.
    """
    seeds, gray = _seeds(close_up), close_up.gray
    if (seeds != 0).all():
        labels = seeds
    elif np.ptp(gray) > 0:
        labels = random_walker(gray / np.float32(255), seeds, beta=BETA, mode="bf", prob_tol=math.inf)
    else:
        nearer = distance_to(seeds == _OBJECT) <= distance_to(seeds == _BACKGROUND)
        labels = np.where(nearer, np.int32(_OBJECT), np.int32(_BACKGROUND))
    found: BoolMask = labels == _OBJECT
    return found


def _seeds(close_up: CloseUp) -> NDArray[np.int32]:
    """(h, w): 1 for seeds of the object, 2 for those of the background, 0 for pixels to decide on."""
    asked, size, reach = close_up.asked, close_up.size, close_up.reach
    core = np.zeros(size, np.bool_) if asked.box is None else ellipse_mask(asked.box, size, scale=BOX_SEED)
    near = np.zeros(size, np.bool_) if asked.box is None else pixels_in(asked.box, size)
    for centre, radius in zip(asked.positive_xy, extents(asked.positive_xy, reach), strict=True):
        core |= disc_mask(centre, CLICK_SEED * radius, size)
        if asked.box is None:
            near |= disc_mask(centre, FAR * reach, size)
    if asked.box is None or near.all():
        near[[0, -1]], near[:, [0, -1]] = False, False
    seeds = np.where(near, np.int32(0), np.int32(_BACKGROUND))
    ours = claimed(asked.anchors_xy, asked.negative_xy, size)
    for centre in asked.negative_xy:
        seeds[disc_mask(centre, NEGATIVE * reach, size) & ~ours] = _BACKGROUND
    seeds[core & ours] = _OBJECT
    return seeds
