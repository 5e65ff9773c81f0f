"""Points and boxes in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptseg.cli.prompt_words import objects_from_words, parse_box, parse_point
from promptseg.errors import PromptError
from promptseg.types import Box, Point

NUMBERS = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))


@given(NUMBERS, NUMBERS, st.sampled_from(["", ",+", ",-"]))
def test_points_come_back_as_they_were_written(x: float, y: float, sign: str) -> None:
    assert parse_point(f"{x},{y}{sign}") == Point(x, y, positive=sign != ",-")


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def test_boxes_come_back_as_they_were_written(x0: float, y0: float, x1: float, y1: float) -> None:
    assert parse_box(f"{x0}, {y0}, {x1}, {y1}") == Box(x0, y0, x1, y1)


@pytest.mark.parametrize(
    "text", ["", ",", "1", "1,", "a,b", "1,2,3", "1,2,+,", "1;2", "1,2,++", "nan,1", "1,inf", "1 2"]
)
def test_what_is_no_point_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(PromptError) as refused:
        parse_point(text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1,2,3,nan"])
def test_what_is_no_box_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(PromptError) as refused:
        parse_box(text)
    assert "\n" not in str(refused.value)


@given(st.text(max_size=12))
def test_no_text_gives_anything_but_a_prompt_or_a_prompt_error(text: str) -> None:
    for parse in (parse_point, parse_box):
        try:
            parse(text)
        except PromptError as error:
            assert "\n" not in str(error)  # noqa: PT017


def test_points_without_boxes_and_with_one_box_are_one_object() -> None:
    for boxes in ([], ["0,0,9,9"]):
        (one,) = objects_from_words(["1,2", "30,4,-"], boxes)
        assert one.points == (Point(1, 2), Point(30, 4, positive=False))
        assert len(one.boxes) == len(boxes)


def test_several_boxes_are_objects_that_share_negative_points() -> None:
    first, second = objects_from_words(["1,2", "22,3", "50,50,-"], ["0,0,9,9", "20,0,29,9"])
    assert first.points == (Point(1, 2), Point(50, 50, positive=False))
    assert second.points == (Point(22, 3), Point(50, 50, positive=False))
    assert (first.boxes, second.boxes) == ((Box(0, 0, 9, 9),), (Box(20, 0, 29, 9),))


@pytest.mark.parametrize(("point", "where"), [("50,50", "none"), ("9,9", "2")])
def test_a_point_must_belong_to_one_of_several_boxes(point: str, where: str) -> None:
    with pytest.raises(PromptError, match=f"lies in {where} of the 2 boxes"):
        objects_from_words([point], ["0,0,9,9", "9,9,20,20"])


def test_nothing_is_refused() -> None:
    with pytest.raises(PromptError, match="nothing to segment"):
        objects_from_words([], [])
