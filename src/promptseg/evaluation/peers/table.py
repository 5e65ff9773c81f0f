"""The trivial peers that are known by name: one literal table."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, final

from promptseg.errors import UnknownNameError, ValueRangeError
from promptseg.evaluation.peers.active_contour import active_contour_draw
from promptseg.evaluation.peers.grabcut import grabcut_draw
from promptseg.evaluation.peers.peer import Draw, Peer
from promptseg.evaluation.peers.random_walker import random_walker_draw
from promptseg.evaluation.peers.shapes import draw_disc, draw_ellipse
from promptseg.evaluation.peers.sizes import USUAL_SHARE, check_share
from promptseg.types import PromptKind

__all__ = ["PEERS", "PeerEntry", "build_peer"]


@final
@dataclass(frozen=True)
class PeerEntry:
    """What is known of a peer.

    Attributes:
        title: for people.
        accepts: kinds of prompts that it understands.
        needs_extra: the extra of the package that it needs, or None.
        needs_share: whether it is nothing without the size of objects in a training part; others only do better.
        note: what it does, in a sentence.
        build: makes the way to draw, given the share of the image that an object is taken to cover.
    """

    title: str
    accepts: frozenset[PromptKind]
    needs_extra: Literal["study", "peers"] | None
    needs_share: bool
    note: str
    build: Callable[[float], Draw]


_CLICKS_AND_BOXES: Final[frozenset[PromptKind]] = frozenset({"points", "boxes"})

PEERS: Final[dict[str, PeerEntry]] = {
    "ellipse": PeerEntry(
        "ellipse in the box",
        frozenset({"boxes"}),
        None,
        needs_share=False,
        note="The ellipse inscribed in the box; it never looks at the image.",
        build=lambda _: draw_ellipse,
    ),
    "disc": PeerEntry(
        "disc at the click",
        frozenset({"points"}),
        None,
        needs_share=True,
        note="A disc at the click, as large as the median object of the training part; it never looks at the image.",
        build=lambda share: partial(draw_disc, share=share),
    ),
    "grabcut": PeerEntry(
        "GrabCut",
        _CLICKS_AND_BOXES,
        "peers",
        needs_share=False,
        note="The cheapest cut between two mixtures of gaussians of the grey values or colours (OpenCV).",
        build=grabcut_draw,
    ),
    "random-walker": PeerEntry(
        "random walker",
        _CLICKS_AND_BOXES,
        "study",
        needs_share=False,
        note="Each pixel goes to the seeds that a random walk along even grey values meets first (scikit-image).",
        build=random_walker_draw,
    ),
    "geodesic-active-contour": PeerEntry(
        "geodesic active contour",
        _CLICKS_AND_BOXES,
        "study",
        needs_share=False,
        note="A smooth outline drawn to edges, from the ellipse in the box or growing from the click (scikit-image).",
        build=active_contour_draw,
    ),
}
"""Every trivial peer by its name, in the order of tables."""


def build_peer(name: str, *, disc_share: float | None = None) -> Peer:
    """A peer as a segmenter.

    Args:
        name: in :data:`PEERS`.
        disc_share: share of the image that the median object of the training part covers, see
            :func:`~promptseg.evaluation.peers.sizes.median_disc_share`. The disc needs it; the others use it for
            clicks, and :data:`~promptseg.evaluation.peers.sizes.USUAL_SHARE` without.

    Raises:
        MissingExtraError: the peer's library is not installed.
        UnknownNameError: there is no such peer.
        ValueRangeError: the share is missing or not above 0 and at most 1.
    """
    if name not in PEERS:
        raise UnknownNameError(f"unknown peer {name!r}; choose one of {', '.join(PEERS)}")
    entry = PEERS[name]
    if disc_share is None and entry.needs_share:
        raise ValueRangeError(f"the peer {name!r} needs disc_share; see median_disc_share")
    share = USUAL_SHARE if disc_share is None else check_share(disc_share)
    return Peer(name, entry.accepts, entry.build(share))
