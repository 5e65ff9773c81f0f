"""Pieces of a part against labelling block by block, and strokes in parts of many pixels."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_masks import Mask, disc, filled
from scipy import ndimage

from promptseg.geometry.distances import distance_inside
from promptseg.geometry.regions import largest_component
from promptseg.prompts import scribble, strokes
from promptseg.prompts.strokes import cut_to_pieces, draw_stroke

EIGHT = np.ones((3, 3))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def by_blocks(part: Mask, side: int) -> list[Mask]:
    """The pieces, each labelled within its block alone."""
    found = []
    for top in range(0, part.shape[0], side):
        for left in range(0, part.shape[1], side):
            block = np.zeros_like(part)
            block[top : top + side, left : left + side] = part[top : top + side, left : left + side]
            labels, count = ndimage.label(block, EIGHT)
            found += [labels == number for number in range(1, count + 1)]
    return found


@given(filled, st.integers(1, 4))
def test_pieces_are_those_of_each_block(mask: Mask, side: int) -> None:
    part = largest_component(mask)
    expected, pieces, depths = by_blocks(part, side), cut_to_pieces(part, side), distance_inside(part)
    assert len(pieces) == len(expected)
    numbers = {}
    for number, ((x, y), depth) in enumerate(zip(pieces.places_xy.astype(int), pieces.depths, strict=True)):
        (place,) = [place for place, piece in enumerate(expected) if piece[y, x]]
        assert depth == depths[y, x] == depths[expected[place]].max()
        numbers[number] = place
    assert sorted(numbers.values()) == list(range(len(expected)))
    touching = {
        (first, second)
        for first, piece in enumerate(expected)
        for second in range(first)
        if (ndimage.binary_dilation(piece, EIGHT) & expected[second]).any()
    }
    assert {(max(pair), min(pair)) for pair in ((numbers[a], numbers[b]) for a, b in pieces.links.T)} == touching
    assert pieces.links.shape[1] == len(touching)


@given(filled, st.sampled_from(["medial", "random"]), st.integers(0, 99))
def test_a_stroke_of_large_steps_lies_on_the_part(mask: Mask, course: str, seed: int) -> None:
    part = largest_component(mask)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strokes, "_MOST_PIECES", 4)
        columns, rows = draw_stroke(part, course, rng(seed)).astype(int).T
    assert part[rows, columns].all()


@pytest.mark.parametrize("course", ["medial", "random"])
def test_no_gap_is_jumped(course: str) -> None:
    """Two bars of 30 px beside each other, a pixel apart, joined from x = 640 on (smoothing cuts the bend)."""
    hairpin = np.zeros((80, 700), dtype=bool)
    hairpin[10:71, 20:680] = True
    hairpin[40, 20:640] = False
    assert np.count_nonzero(hairpin) > 4 * 8192
    for seed in range(4):
        stroke = scribble(hairpin, rng(seed), course=course, count=5000)
        assert max(np.hypot(b.x - a.x, b.y - a.y) for a, b in pairwise(stroke)) < 3
        sides = [point.y < 40 for point in stroke]
        crossings = [a.x for a, (one, other) in zip(stroke, pairwise(sides), strict=False) if one != other]
        assert all(x > 600 for x in crossings)
        assert course == "random" or crossings


def test_a_medial_stroke_in_a_large_part_follows_its_middle() -> None:
    ring = disc((600, 700), (300, 330), 260) & ~disc((600, 700), (300, 330), 180)
    depths = distance_inside(ring)
    for seed in range(3):
        found = [depths[int(point.y), int(point.x)] for point in scribble(ring, rng(seed), count=30)]
        assert np.median(found) > 0.75 * depths.max()
