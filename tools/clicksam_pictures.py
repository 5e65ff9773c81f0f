"""Draw the stages of ClickSAM on simulated images for the documentation.

Run: python -m tools.clicksam_pictures --output docs/images/clicksam-stages.webp
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from promptseg import Image, load
from promptseg.data.phantoms import ultrasound_phantom
from promptseg.drawing import contact_sheet
from promptseg.evaluation.clicksam.arms import Promptable
from promptseg.evaluation.clicksam.drawings import stage_panels
from promptseg.evaluation.clicksam.measuring import EmbedOnce
from promptseg.evaluation.clicksam.prompting import prompted
from promptseg.metrics import iou

SEEDS = (8, 14, 22)
"""Phantoms whose first mask leaves something to correct."""


def main() -> None:
    """Write one sheet: a row for each phantom."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--model", default="default-zeroshot")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    options = parser.parse_args()
    model = load(options.model)
    arm = Promptable(model, model, model)
    pictures = []
    for seed in options.seeds:
        phantom = ultrasound_phantom(np.random.default_rng(seed), size=(300, 360))
        image = Image(phantom.image)
        session = arm.look(image, EmbedOnce.of(image))
        steps = prompted(session, phantom.mask, "oracle-clicks", image=str(seed), seed=0)
        scores = [f"IoU {iou(phantom.mask, step.shown.mask):.3f}" for step in steps]
        print(seed, scores, steps[-1].n_clicks, "clicks")
        panels = stage_panels(image, phantom.mask, steps, scores)
        captions = ("image", "reference", panels[2].caption, "errors and clicks", panels[4].caption)
        pictures += [(caption, panel.pixels) for caption, panel in zip(captions, panels, strict=True)]
    sheet = contact_sheet(pictures, columns=5, cell=(280, 280))
    Pillow.fromarray(sheet).save(options.output, quality=58, method=6)


if __name__ == "__main__":
    main()
