"""Curricula: how a user is simulated in training, one file a family."""

from dataclasses import dataclass
from typing import Any, Final, final

from pydantic import ValidationError

from promptseg.errors import UnknownNameError, ValueRangeError
from promptseg.training.curricula.box import LooseBox
from promptseg.training.curricula.clicksam import ClickSam
from promptseg.training.curricula.mixed import Mixed
from promptseg.training.curricula.ritm import Ritm
from promptseg.training.curricula.sam import SegmentAnything
from promptseg.training.curricula.sam_med2d import SamMed2d
from promptseg.training.curricula.settings import SimulatedUser
from promptseg.training.curricula.single_click import SingleClick
from promptseg.training.simulation import Curriculum

__all__ = ["CURRICULA", "CurriculumEntry", "build_curriculum"]


@final
@dataclass(frozen=True)
class CurriculumEntry:
    """One line of the table of curricula.

    Attributes:
        settings: its pydantic model; a value of it is the curriculum.
        needs_start: whether it wants ``decode.start``, the decoder of the frozen network that training started from.
        shows_boxes: whether it may show boxes, which not every network takes.
    """

    settings: type[SimulatedUser]
    needs_start: bool = False
    shows_boxes: bool = False

    def build(self, **settings: Any) -> Curriculum:  # noqa: ANN401 (what they may be is the model's to say)
        """The curriculum with these settings.

        Raises:
            ValueRangeError: names all settings that are unknown or out of range.
        """
        try:
            return self.settings(**settings)
        except ValidationError as error:
            found = (f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
            raise ValueRangeError(f"settings of the curriculum: {'; '.join(found)}") from error


CURRICULA: Final[dict[str, CurriculumEntry]] = {
    "single-click": CurriculumEntry(SingleClick),
    "clicksam": CurriculumEntry(ClickSam, needs_start=True),
    "box": CurriculumEntry(LooseBox, shows_boxes=True),
    "sam": CurriculumEntry(SegmentAnything, shows_boxes=True),
    "sam-med2d": CurriculumEntry(SamMed2d, shows_boxes=True),
    "ritm": CurriculumEntry(Ritm),
    "mixed": CurriculumEntry(Mixed, shows_boxes=True),
}
"""Curricula by the name that stands in a recipe."""


def build_curriculum(name: str, **settings: Any) -> Curriculum:  # noqa: ANN401 (what they may be is the model's to say)
    """The curriculum of this name, with these settings.

    Raises:
        UnknownNameError: if there is none.
        ValueRangeError: names all settings that are unknown or out of range.
    """
    if name not in CURRICULA:
        raise UnknownNameError(f"unknown curriculum {name!r}; choose one of {', '.join(CURRICULA)}")
    return CURRICULA[name].build(**settings)
