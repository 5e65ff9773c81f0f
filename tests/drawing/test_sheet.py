"""Contact sheets: every picture is on it, in order, none cut off."""

import numpy as np
import pytest

from promptseg.drawing import contact_sheet
from promptseg.errors import ValueRangeError


def flat(height: int, width: int, colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def test_all_pictures_are_there_in_rows() -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    sheet = contact_sheet([("", flat(30, 40, colour)) for colour in colours], columns=2, cell=(40, 30))
    places = [np.argwhere((sheet == colour).all(axis=2)) for colour in colours]
    assert [len(place) for place in places] == [30 * 40] * 3
    red, green, blue = (place.mean(axis=0) for place in places)
    assert red[0] == green[0] < blue[0]
    assert red[1] == blue[1] < green[1]


def test_large_pictures_are_made_smaller_with_their_aspect_and_small_ones_are_not() -> None:
    sheet = contact_sheet([("large", flat(200, 100, (255, 0, 0))), ("small", flat(5, 6, (0, 255, 0)))], cell=(50, 50))
    assert (sheet == (255, 0, 0)).all(axis=2).sum() == 50 * 25
    assert (sheet == (0, 255, 0)).all(axis=2).sum() == 5 * 6


@pytest.mark.parametrize(("count", "columns", "cell"), [(0, 2, (9, 9)), (1, 0, (9, 9)), (1, 1, (0, 9))])
def test_nothing_to_show_or_no_room_is_refused(count: int, columns: int, cell: tuple[int, int]) -> None:
    with pytest.raises(ValueRangeError, match="a sheet needs"):
        contact_sheet([("", flat(2, 2, (0, 0, 0)))] * count, columns=columns, cell=cell)
