"""What levels are, and what the report's words mean."""

from typing import Final

from promptseg.evaluation.study.experiments.prompters import PROMPTERS

__all__ = [
    "DEFINITIONS",
    "GRID_PROMPTS",
    "LEVELS",
    "ORACLE_PROMPTS",
    "joined",
    "policy_title",
    "prompter_note",
    "prompter_title",
]

ORACLE_PROMPTS: Final = "oracle, made from the reference"
"""Where prompts came from, for notes."""

GRID_PROMPTS: Final = "a grid of clicks that knows nothing of the reference"
"""Likewise, for segment everything."""

LEVELS: Final = {
    "box-sam": "deviation, share of the side",
    "box-medsam": "outwards at most, px",
    "box-sam-med2d": "moved at most, px",
    "box-overlap": "IoU with the tight box",
    "click-jitter": "deviation, share of the diameter",
    "click-miss": "probability of a miss",
    "everything": "clicks on each side of the grid",
}
"""What the column ``level`` says, by prompter."""

DEFINITIONS: Final = (
    (
        "Oracle prompts",
        (
            "Every prompt was made from the reference mask: its deepest pixel, its box, the errors of a mask. People "
            "click less centrally, so scores here are upper figures; they compare models under the same prompts."
        ),
    ),
    (
        "Oracle choice",
        (
            "Of the candidate masks the one with the highest true IoU, which no user knows. It is called oracle "
            "wherever it stands, and is not the choice of the summary if a model offers another."
        ),
    ),
    (
        "Mask choice",
        (
            "single: the model's one mask; first: the first of its candidates; best-score: that of the highest "
            "predicted IoU; largest and smallest: by area."
        ),
    ),
    (
        "Unit",
        (
            "One image: the mean over repetitions, then over its objects. A task is a data set, or a class of it; "
            "means over tasks are unweighted."
        ),
    ),
    (
        "Intervals",
        (
            "Percentile bootstrap over images, drawn in whole groups (near-duplicates, a subject). They say how far a "
            "figure would move with other images of the same kind, not with another clinic, machine or user."
        ),
    ),
    (
        "Ahead, behind",
        (
            "The interval of the paired mean difference leaves out 0, and there are at least {groups} groups; else two "
            "are not told apart. Beside it stands the p-value of Wilcoxon's signed rank test over groups, corrected by "
            "Holm over what this page compares on a task in an experiment. The CSV files, which compare all mask "
            "choices and steps, correct over all of them, so their p-values are higher."
        ),
    ),
    (
        "Useful",
        (
            "A model is called useful for a task only where it is ahead of the best trivial peer: the one of the "
            "highest mean among those that were given the same prompts. Peers know nothing of the data: an ellipse in "
            "the box, a disc of the usual size at the click, or what grey values alone give."
        ),
    ),
    (
        "NoC and failures",
        (
            "Clicks until the IoU reaches a target, the mean over objects. One that never does counts with the most "
            "clicks, and is a failure."
        ),
    ),
    ("Depth", "Distance of a click from the border over the object's greatest: 0 at the border, 1 at the deepest."),
    (
        "Calibration error",
        "Mean distance of predicted from true IoU over ten bins of the predicted one, weighted by their masks.",
    ),
    ("Oracle gain", "Mean IoU of the best candidate less that of the chosen one: what a better choice could win."),
    ("rho", "Spearman's rank correlation: 1 if two orders agree, 0 if they have nothing to do with each other."),
)
"""What the report's words mean; ``{groups}`` is the fewest groups that tell two apart."""


def prompter_title(name: str) -> str:
    """How a prompter is called; its own name if it is not in the table of prompters."""
    return PROMPTERS[name].title if name in PROMPTERS else name


def prompter_note(name: str) -> str:
    """How its prompts are made."""
    return PROMPTERS[name].note if name in PROMPTERS else ""


def policy_title(name: str) -> str:
    """How a mask choice is called."""
    return "oracle (by the reference)" if name == "oracle" else name


def joined(words: list[str]) -> str:
    """Words as a list in a sentence.

    >>> joined(["a"]), joined(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
