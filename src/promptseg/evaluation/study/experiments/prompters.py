"""The table of prompters: how each stands in a report, and what a segmenter must understand for it."""

from dataclasses import dataclass
from typing import Final, final

from promptseg.evaluation.study.recipe import ExperimentName
from promptseg.types import PromptKind

__all__ = ["PROMPTERS", "PrompterEntry"]


@final
@dataclass(frozen=True, slots=True)
class PrompterEntry:
    """What is known of a prompter. All of them know the reference.

    Attributes:
        title: for people.
        experiment: in which it takes part.
        needs: kinds of prompts; a segmenter that does not accept one of them is not asked.
        note: how the prompt is made, in a sentence.
        human: whether it imitates what a person does, be it inexact clicks and boxes or the correction of a mask;
            else the prompt is as exact as the reference.
    """

    title: str
    experiment: ExperimentName
    needs: frozenset[PromptKind]
    note: str
    human: bool = False


_POINTS: Final[frozenset[PromptKind]] = frozenset({"points"})
_BOXES: Final[frozenset[PromptKind]] = frozenset({"boxes"})


PROMPTERS: Final[dict[str, PrompterEntry]] = {
    "mode-1": PrompterEntry(
        "Mode 1: a click in the largest part", "modes", _POINTS, "One click at the deepest pixel of the largest part."
    ),
    "mode-2": PrompterEntry(
        "Mode 2: a click in each part",
        "modes",
        _POINTS,
        "One click at the deepest pixel of each of the three largest parts, in one prompt.",
    ),
    "mode-3": PrompterEntry("Mode 3: box of the largest part", "modes", _BOXES, "The tight box of the largest part."),
    "mode-4": PrompterEntry(
        "Mode 4: box of each part",
        "modes",
        _BOXES,
        "The tight box of each of the three largest parts; their masks are united.",
    ),
    "mode-5": PrompterEntry("Mode 5: one box of all", "modes", _BOXES, "The tight box of the whole object."),
    "centroid": PrompterEntry(
        "Centroid", "modes", _POINTS, "One click at the centre of mass, which may lie beside the object."
    ),
    "centroid-projected": PrompterEntry(
        "Centroid, on the object", "modes", _POINTS, "One click at the object's pixel nearest to its centre of mass."
    ),
    "scribble": PrompterEntry(
        "Scribble", "modes", _POINTS, "A stroke of eight clicks along the middle of a part.", human=True
    ),
    "clicks-study": PrompterEntry(
        "Clicks of the study",
        "clicks",
        _POINTS,
        "Each click at the deepest pixel of all errors together (Algorithm 1 of Mazurowski et al.).",
        human=True,
    ),
    "clicks-ritm": PrompterEntry(
        "Clicks of RITM",
        "clicks",
        _POINTS,
        "Each click at the deepest pixel of what is missing or of what is too much (the rule behind NoC).",
        human=True,
    ),
    "clicks-random": PrompterEntry(
        "Random clicks", "clicks", _POINTS, "Each click at a random pixel of the error.", human=True
    ),
    "clicks-deepest": PrompterEntry(
        "Clicks in the largest error",
        "clicks",
        _POINTS,
        "Each click at the deepest pixel of the largest connected part of the error.",
        human=True,
    ),
    "box-sam": PrompterEntry(
        "Box, jittered as in SAM",
        "noise",
        _BOXES,
        "Each corner coordinate moved by Gaussian noise; the level is its deviation as a share of the side, and no "
        "coordinate moves by more than 20 px.",
        human=True,
    ),
    "box-medsam": PrompterEntry(
        "Box, widened as in MedSAM",
        "noise",
        _BOXES,
        "Each side moved outwards by 0 px to the level in px.",
        human=True,
    ),
    "box-sam-med2d": PrompterEntry(
        "Box, shifted as in SAM-Med2D",
        "noise",
        _BOXES,
        "The whole box moved along each axis by at most the level in px.",
        human=True,
    ),
    "box-overlap": PrompterEntry(
        "Box of a known overlap",
        "noise",
        _BOXES,
        "A box moved and scaled until its IoU with the tight one is the level.",
        human=True,
    ),
    "click-jitter": PrompterEntry(
        "Click, jittered",
        "noise",
        _POINTS,
        "The deepest pixel moved by Gaussian noise within the object; the level is its deviation as a share of the "
        "diameter.",
        human=True,
    ),
    "click-miss": PrompterEntry(
        "Click that may miss",
        "noise",
        _POINTS,
        "The deepest pixel, or with the level's probability a pixel beside the object.",
        human=True,
    ),
    "probe": PrompterEntry(
        "Clicks all over the object", "location", _POINTS, "One click, on many places of all depths in turn."
    ),
    "everything": PrompterEntry(
        "Segment everything",
        "everything",
        _POINTS,
        "A grid of clicks that knows nothing of the object; the best of all masks is chosen by the reference.",
    ),
}
"""Every prompter by its name in the table of a study."""
