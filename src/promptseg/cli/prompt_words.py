"""Points and boxes as they are written on the command line."""

from collections.abc import Sequence

from promptseg.errors import PromptError
from promptseg.types import Box, Point, Prompts

__all__ = ["objects_from_words", "parse_box", "parse_point"]


def parse_point(text: str) -> Point:
    """A click from ``X,Y``, ``X,Y,+`` or ``X,Y,-``.

    >>> parse_point("120,90.5,-")
    Point(x=120.0, y=90.5, positive=False)

    Raises:
        PromptError: if it is written otherwise.
    """
    words = [word.strip() for word in text.split(",")]
    numbers = _numbers(words[:2])
    if len(words) not in (2, 3) or len(numbers) != 2 or words[2:] not in ([], ["+"], ["-"]):
        raise PromptError(f"--point must be X,Y or X,Y,+ or X,Y,- with numbers in pixels, got {text!r}")
    return Point(numbers[0], numbers[1], positive=words[2:] != ["-"])


def parse_box(text: str) -> Box:
    """A box from two opposite corners, ``X0,Y0,X1,Y1``.

    >>> parse_box("90,70,10,20")
    Box(x0=10.0, y0=20.0, x1=90.0, y1=70.0)

    Raises:
        PromptError: if it is written otherwise.
    """
    numbers = _numbers([word.strip() for word in text.split(",")])
    if len(numbers) != 4:
        raise PromptError(f"--box must be X0,Y0,X1,Y1 with numbers in pixels, got {text!r}")
    return Box(*numbers)


def objects_from_words(points: Sequence[str], boxes: Sequence[str]) -> list[Prompts]:
    """The objects that the words describe: one for each box, or one of all points where there is no box.

    With several boxes each positive point belongs to the box that holds it, and negative points to all.

    Raises:
        PromptError: nothing was given, something is not written as it should be, or a positive point lies in none or
            in several of several boxes.
    """
    clicks, frames = [parse_point(text) for text in points], [parse_box(text) for text in boxes]
    if not clicks and not frames:
        raise PromptError("nothing to segment: give at least one --point X,Y or --box X0,Y0,X1,Y1")
    if len(frames) < 2:
        return [Prompts(points=clicks, boxes=frames)]
    owners = [_owner(click, frames) if click.positive else None for click in clicks]
    return [
        Prompts(
            points=[click for click, owner in zip(clicks, owners, strict=True) if owner in (None, place)], boxes=[box]
        )
        for place, box in enumerate(frames)
    ]


def _owner(click: Point, boxes: Sequence[Box]) -> int:
    holding = [place for place, box in enumerate(boxes) if box.contains(click)]
    if len(holding) != 1:
        where = "none" if not holding else f"{len(holding)}"
        raise PromptError(
            f"--point {click.x:g},{click.y:g} lies in {where} of the {len(boxes)} boxes; with several boxes each "
            "positive point must lie in exactly one"
        )
    return holding[0]


def _numbers(words: Sequence[str]) -> list[float]:
    """The words as numbers, or an empty list if one of them is none."""
    try:
        return [float(word) for word in words]
    except ValueError:
        return []
