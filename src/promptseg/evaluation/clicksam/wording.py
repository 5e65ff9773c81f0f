"""What the report says in words: the same on the page and in the summary."""

from collections.abc import Sequence
from typing import Final

from promptseg.evaluation.charts import share
from promptseg.evaluation.clicksam.arms import ARMS
from promptseg.evaluation.clicksam.protocols import PROTOCOLS, Protocol
from promptseg.evaluation.clicksam.statistics import QUESTIONS, Cell, Statistics
from promptseg.metrics import Interval

__all__ = [
    "DIFFERENCES",
    "FIGURES",
    "ORACLE",
    "PAPER",
    "PROMPTS",
    "SCORE_TITLES",
    "SOURCES",
    "difference_table",
    "score_table",
    "sizes",
    "spread",
]

PAPER: Final = {"ClickSAM": 0.916, "MedSAM": 0.863, "Click Train": 0.707}
"""Mean IoU on BUSI as the paper gives it (arXiv 2402.05902)."""

ORACLE: Final = "Every score is an oracle's: all prompts, the simulated user's too, were made from the reference masks."

PROMPTS: Final = (
    (
        "the paper's clicks",
        (
            "Stage 1: one click on the pixel of the lesion nearest to its centre of mass. Stage 2: clicks spread by "
            "centroidal Voronoi tessellation over what the first mask has right, misses and has too much, by Click "
            "Train's numbers (at most 5 for a part, 10 for a kind); no mask is handed back. Where the rule gives no "
            "click (IoU above .95, or no error worth one), stage 2 gets the click of stage 1."
        ),
    ),
    (
        "1 to 9 clicks",
        (
            "The simulated user of RITM: each click in the middle of the largest error of the mask shown, which is "
            "handed back with all clicks so far (mask feedback; Click Train's network takes no mask)."
        ),
    ),
    (
        "tight box",
        "The box of the reference, corners inclusive. ClickSAM answers boxes with the network of stage 2.",
    ),
    (
        "jittered box",
        (
            "Each corner coordinate moved by Gaussian noise of 10 % of the side, at most 20 pixels; the same box for "
            "all arms."
        ),
    ),
)
"""The ways to prompt."""

FIGURES: Final = (
    "One score for each image at its own size, all its lesions as one object; means over images; 95 % percentile "
    "bootstrap over groups of near-duplicates. A difference is told apart where its interval leaves out 0. Empty "
    "predictions count as 0."
)
"""How figures are made."""

SOURCES: Final = (
    "All figures can be made again from table.csv beside this page. BUSI: Al-Dhabyani et al. 2020, doi "
    "10.1016/j.dib.2019.104863. Research software, not a medical device."
)
"""Where data come from."""

DIFFERENCES: Final = tuple(
    " ".join(text.split())
    for text in """
The network is whatever was loaded, with its own input size; the paper's is Segment Anything's ViT-B at 256 pixels.

Clicks reach the network as (x, y) of its input. The authors' notebook passes (row, column) on a grid of 256 without
scaling to the network's 1024.

The click of stage 1 lies on the pixel of the lesion nearest to the centre of mass; in the notebook an annealer places
it.

Stage 2 begins with the result of stage 1 (ClickSAM), or with the loaded model as in the notebook (ClickSAM, as coded).
In training the first mask comes from the network that stage 2 began with; in the test it comes from stage 1.

Learning rates and epochs were chosen on validation images for the small embedded model; the paper has Adam, 1e-5, 100
epochs, batch 32 and 1. The weights of the best epoch on the validation part are kept; under the literal protocol, which
has none, those of the last epoch (the notebook: of the lowest training loss).

Click Train's network is a compact encoder with a light pyramid head at 192 pixels instead of SegFormer-b3 at 512. Its
second network begins with the weights of its click-free one, and there is one split instead of five folds.

The paper's MedSAM is the published one; here its recipe is applied to the same images as the others.
""".strip().split("\n\n")
)
"""What is not as in the paper."""

SCORE_TITLES: Final = {
    "iou": "Mask IoU",
    "box_iou": "Box IoU",
    "dice": "Dice",
    "pixel_accuracy": "Pixel accuracy",
}
"""Scores of the table in the order of results."""

Table = tuple[list[str], list[tuple[str, list[Interval | None]]]]


def score_table(statistics: Statistics, protocol: str, score: str) -> Table:
    """Headings, and for each arm its name and an interval for each question."""
    headings = [question.title for question in QUESTIONS]
    rows = [
        (arm, [statistics.mean(Cell(protocol, arm, q.prompter, q.step), score) for q in QUESTIONS])
        for arm in _arms(statistics)
    ]
    return headings, rows


def difference_table(statistics: Statistics, protocol: str, *, of: str = "clicksam") -> Table:
    """As :func:`score_table`, with the mean of the IoU of ``of`` minus that of each other arm."""
    headings = [question.title for question in QUESTIONS]
    rows = [
        (arm, [statistics.difference(Cell(protocol, arm, q.prompter, q.step), of=of) for q in QUESTIONS])
        for arm in _arms(statistics)
        if arm != of
    ]
    return headings, rows


def spread(interval: Interval | None, *, signed: bool = False) -> str:
    """``.876 [.861, .890]``; a dash where there is none."""
    if interval is None:
        return "-"
    plus = "+" if signed else ""
    mean, low, high = (
        (plus if value >= 0 else "") + share(value) for value in (interval.mean, interval.low, interval.high)
    )
    return f"{mean} [{low}, {high}]"


def sizes(protocol: Protocol) -> str:
    """How many images a protocol has in its parts."""
    if not PROTOCOLS[protocol.name].honest:
        return f"{len(protocol.test)} images train and are tested"
    parts = [f"{protocol.count(part)} {part}" for part in ("train", "validation", "test")]
    groups = {row.group for row in protocol.split.rows if row.part == "test"}
    return f"{', '.join(parts)} images; {len(groups)} groups in test"


def _arms(statistics: Statistics) -> Sequence[str]:
    return [arm for arm in ARMS if arm in statistics.arms]
