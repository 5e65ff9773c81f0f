"""Which images the report shows, and their pictures, made again from the networks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

from promptseg.data.samples import Sample
from promptseg.evaluation.charts import share
from promptseg.evaluation.clicksam.arms import ARMS, Arm
from promptseg.evaluation.clicksam.drawings import Panel, reference_panel, result_panel, stage_panels
from promptseg.evaluation.clicksam.measuring import EmbedOnce, image_and_reference
from promptseg.evaluation.clicksam.prompting import Step, prompted
from promptseg.evaluation.clicksam.protocols import Protocol
from promptseg.evaluation.clicksam.table import Row
from promptseg.metrics import iou
from promptseg.types import BoolMask, Image

__all__ = ["Strip", "best_median_worst", "overlay_strips", "stage_strips"]

SHOWN_ARMS: Final = ("none", "medsam", "stage-1", "clicksam", "click-train")
ORACLE_CLICKS: Final = "oracle-clicks"


@final
@dataclass(frozen=True, eq=False)
class Strip:
    """Pictures of one image.

    Attributes:
        title: which it is.
        detail: more about it.
        panels: beside each other.
    """

    title: str
    detail: str
    panels: Sequence[Panel]


def best_median_worst(rows: Sequence[Row], protocol: str, *, arm: str = "clicksam") -> dict[str, str]:
    """Names of the images with the highest, the middle and the lowest IoU of an arm's final mask by oracle clicks."""
    found = [
        row for row in rows if (row.protocol, row.arm, row.prompter, row.step) == (protocol, arm, ORACLE_CLICKS, 2)
    ]
    ordered = [row.image for row in sorted(found, key=lambda row: (-row.iou, row.image))]
    if not ordered:
        return {}
    return {"best": ordered[0], "median": ordered[len(ordered) // 2], "worst": ordered[-1]}


def stage_strips(protocol: Protocol, arms: Mapping[str, Arm], chosen: Mapping[str, str], *, seed: int) -> list[Strip]:
    """The stages of ClickSAM on chosen images, as in the paper's Fig. 1 and 2."""
    strips = []
    for which, sample in _samples(protocol, chosen):
        image, reference = image_and_reference(sample)
        steps = _steps(arms["clicksam"], image, reference, sample.name, seed)
        scores = [f"IoU {share(iou(reference, step.shown.mask))}" for step in steps]
        panels = stage_panels(image, reference, steps, scores)
        strips.append(Strip(which, f"{sample.name}; {steps[-1].n_clicks} clicks in stage 2", panels))
    return strips


def overlay_strips(protocol: Protocol, arms: Mapping[str, Arm], chosen: Mapping[str, str], *, seed: int) -> list[Strip]:
    """The final masks of several arms on chosen images, beside the reference."""
    strips = []
    for which, sample in _samples(protocol, chosen):
        image, reference = image_and_reference(sample)
        steps = {
            name: _steps(arms[name], image, reference, sample.name, seed)[-1] for name in SHOWN_ARMS if name in arms
        }
        masks = [step.shown.mask for step in steps.values()]
        panels = [reference_panel(image, reference, masks)]
        for name, step in steps.items():
            caption = f"{ARMS[name].title}: IoU {share(iou(reference, step.shown.mask))}"
            panels.append(result_panel(image, reference, masks, step, caption))
        strips.append(Strip(which, sample.name, panels))
    return strips


def _samples(protocol: Protocol, chosen: Mapping[str, str]) -> list[tuple[str, Sample]]:
    by_name = {sample.name: sample for sample in protocol.test}
    return [(which, by_name[name]) for which, name in chosen.items()]


def _steps(arm: Arm, image: Image, reference: BoolMask, name: str, seed: int) -> list[Step]:
    return prompted(arm.look(image, EmbedOnce.of(image)), reference, ORACLE_CLICKS, image=name, seed=seed)
