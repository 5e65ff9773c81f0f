"""Points, boxes and masks that cannot be used: as words of the command line, and as values in Python."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from promptseg.types import Box, MaskPrompt, Point, Prompts

__all__ = ["HEIGHT", "WIDTH", "broken_values", "broken_words"]

WIDTH: Final = 100
HEIGHT: Final = 60

NO_NUMBERS: Final = (
    "x",
    "",
    " ",
    "nan",
    "-nan",
    "inf",
    "-inf",
    "1e999",
    "-1e999",
    "1;2",
    "0x10",
    "1,2",
    "--3",
    "1_0_",
    "½",
    "1.2.3",
    "\x00",
    "1e",
    "1 2",
    "None",
    "3px",
)
OFF_THE_IMAGE: Final = ((-1, 30), (100, 30), (99.51, 30), (1e6, 30), (-1e9, 30), (30, -5), (30, 60), (30, 59.51))
SWAPPED: Final = ((5, 61), (30, 70), (30, 99), (59, 99), (0, 60))
HUGE: Final = ((1e300, 5), (5, 1e300), (-1e300, -1e300), (1e18, 1e18), (2**63, 5), (5, 2**64))


def broken_words() -> Iterator[list[str]]:
    """Options of ``promptseg segment`` for an image of WIDTH x HEIGHT pixels; each list is one mistake."""
    for text in NO_NUMBERS:
        for words in (f"{text},5", f"5,{text}", f"{text},{text}"):
            yield ["--point", words]
        for place in range(4):
            numbers = ["1", "2", "3", "4"]
            numbers[place] = text
            yield ["--box", ",".join(numbers)]
    for sign in ("1", "++", "+-", "positive", "*", "0", "True", "\u2212"):
        yield ["--point", f"5,5,{sign}"]
    for text in ("", ",", ",,", "5", "5,5,5,5", "(5,5)", "[5, 5]", "5 5", "5x5", "5;5", "x=5,y=5", "5,5,", "5,5,+,"):
        yield ["--point", text]
    for x, y in (*OFF_THE_IMAGE, *SWAPPED, *HUGE):
        yield ["--point", f"{x},{y}"]
        yield ["--point", f"{x},{y},-", "--point", "5,5"]
        yield ["--box", "1,1,40,40", "--point", f"{x},{y}"]
    for text in ("", "1", "1,2", "1,2,3", "1,2,3,4,5", "1,2;3,4", "1 2 3 4", "[1,2,3,4]", "1,2,3,4,"):
        yield ["--box", text]
    for text in ("100,0,120,9", "0,60,9,80", "-9,-9,-1,-1", "1e9,1e9,2e9,2e9", "99.6,0,99.7,5", "-1e300,0,-1e299,5"):
        yield ["--box", text]
        yield ["--box", "1,1,5,5", "--box", text]
    two_boxes = ["--box", "1,1,20,20", "--box", "10,10,50,50"]
    for point in ("15,15", "60,55", "99,0", "10,10", "20,20"):
        yield [*two_boxes, "--point", point]
    yield []


def broken_values() -> Iterator[tuple[str, Callable[[], Prompts | list[Prompts]]]]:
    """Name and what makes prompts that no segmenter takes; making them may already fail."""
    point, box = Point(5, 5), Box(1, 1, 20, 20)
    for value in (np.nan, np.inf, -np.inf, "5", None, True, 1j, [5], np.array([5, 6]), b"5"):
        yield f"x is {value!r}", lambda value=value: Prompts(points=[Point(value, 5)])
        yield f"y is {value!r}", lambda value=value: Prompts(points=[Point(5, value)])
        yield f"x1 is {value!r}", lambda value=value: Prompts(boxes=[Box(1, 1, value, 9)])
    for sign in (1, 0, "+", None, -1):
        yield f"positive is {sign!r}", lambda sign=sign: Prompts(points=[Point(5, 5, positive=sign)])
    for x, y in (*OFF_THE_IMAGE, *SWAPPED, *HUGE):
        yield f"point at {x}, {y}", lambda x=x, y=y: Prompts(points=[point, Point(x, y)])
    for corners in ((100, 0, 120, 9), (0, 60, 9, 80), (-9, -9, -1, -1)):
        yield f"box {corners}", lambda corners=corners: Prompts(boxes=[Box(*corners)])
    yield "nothing", Prompts
    yield "no object says a thing", lambda: [Prompts(points=[point]), Prompts()]
    yield "a point, not a list", lambda: Prompts(points=point)
    yield "a box, not a list", lambda: Prompts(boxes=box)
    yield "pairs of numbers", lambda: Prompts(points=[(5, 5)])
    yield "an array of points", lambda: Prompts(points=np.array([[5, 5]]))
    yield "boxes among the points", lambda: Prompts(points=[box])
    yield "points among the boxes", lambda: Prompts(boxes=[point])
    yield "a point in none of two boxes", lambda: Prompts(points=[Point(90, 5)], boxes=[box, Box(30, 30, 40, 40)])
    for shape in ((WIDTH, HEIGHT), (1, 1), (HEIGHT, WIDTH + 1), (1, HEIGHT, WIDTH), (HEIGHT * WIDTH,), (0, 0)):
        yield f"mask of shape {shape}", lambda shape=shape: Prompts(mask=np.ones(shape, bool))
    yield "an empty mask", lambda: Prompts(mask=np.zeros((HEIGHT, WIDTH), bool))
    yield "a mask of numbers", lambda: Prompts(mask=np.ones((HEIGHT, WIDTH)))
    yield "a mask of lists", lambda: Prompts(mask=[[True]])
    for logits in (np.full((4, 4), np.nan), np.full((5, 5), np.inf), np.zeros(4), np.zeros((1, 4, 4))):
        yield f"mask prompt of {logits.shape}", lambda logits=logits: Prompts(mask=MaskPrompt(logits, "default"))
    for kind in ([[0.5]], "abc", None, np.zeros((64, 64), bool), np.full((64, 64), "a"), np.zeros((64, 64), complex)):
        name = getattr(kind, "dtype", repr(kind))
        yield f"mask prompt made of {name}", lambda kind=kind: Prompts(mask=MaskPrompt(kind, "default"))
    yield "a mask prompt of another model", lambda: Prompts(mask=MaskPrompt(np.zeros((64, 64), np.float32), "other"))
    yield "a mask prompt of another size", lambda: Prompts(mask=MaskPrompt(np.zeros((3, 3), np.float32), "default"))
