"""Small masks for property tests: any shape, any filling, blobs and single pixels among them."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]

shapes_2d = hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9)
shapes_3d = hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=5)
spacings = st.tuples(*[st.sampled_from([0.1, 0.3, 0.5, 1.0, 2.5])] * 2)


def masks_of(shape: tuple[int, ...]) -> st.SearchStrategy[Mask]:
    """Masks of one shape, maybe empty or full."""
    return hnp.arrays(np.bool_, shape, elements=st.booleans())


masks = shapes_2d.flatmap(masks_of)
filled = masks.filter(lambda mask: bool(mask.any()))


def pairs_of(shapes: st.SearchStrategy[tuple[int, ...]]) -> st.SearchStrategy[tuple[Mask, Mask]]:
    """Two masks of one shape, each maybe empty."""
    return shapes.flatmap(lambda shape: st.tuples(masks_of(shape), masks_of(shape)))


pairs = pairs_of(shapes_2d)
any_pairs = st.one_of(pairs, pairs_of(shapes_3d))


def disc(shape: tuple[int, int], centre: tuple[float, float], radius: float) -> Mask:
    """Pixels whose centre lies within ``radius`` of (row, column)."""
    rows, columns = np.indices(shape)
    inside: Mask = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2
    return inside


def blobs(seed: int) -> tuple[Mask, Mask]:
    """Two random masks of one shape (every fourth of three dimensions), coarse or fine, that both hold a pixel."""
    rng = np.random.default_rng(seed)
    shape = ((37, 61), (64, 40), (5, 90), (12, 19, 23))[seed % 4]
    noise = [ndimage.gaussian_filter(rng.standard_normal(shape), rng.uniform(0.3, 3)) for _ in range(2)]
    first, second = (one > np.quantile(one, rng.uniform(0.3, 0.97)) for one in noise)
    return first, second
