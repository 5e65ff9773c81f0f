"""A patient user, simulated: click the middle of the lesion, then click what is most wrong, nine times.

    python examples/simulated_user.py [--model NAME|FILE] [--clicks 9] [--seed 1]

The image is a simulated ultrasound scan whose lesion is known, so the scores are *oracle* scores: the clicks are placed
with the answer in hand. Use it to see how a model answers to corrections, with your own images in place of the phantom.
"""

import argparse

import numpy as np

import promptseg
from promptseg import Point, Prompts
from promptseg.data.phantoms import ultrasound_phantom
from promptseg.metrics import iou
from promptseg.prompts import centre_click, next_click


def clicks_and_scores(
    segmenter: promptseg.Segmenter, image: np.ndarray, lesion: np.ndarray, clicks: int
) -> list[float]:
    """IoU with the known lesion after each click; the mask so far goes back with the next click."""
    embedding = segmenter.embed(image)
    points: list[Point] = list(centre_click(lesion).points)
    candidates = segmenter.segment(embedding, Prompts(points=points))
    scores = [iou(lesion, candidates.mask)]
    while len(points) < clicks:
        correction = next_click(lesion, candidates.mask, clicked=points)
        if correction is None:  # nothing is wrong any more
            break
        points.append(correction)
        candidates = segmenter.segment(embedding, Prompts(points=points, mask=candidates.mask_prompt))
        scores.append(iou(lesion, candidates.mask))
    return scores


def main() -> None:
    """Simulate one scan and one user."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--clicks", type=int, default=9)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    phantom = ultrasound_phantom(np.random.default_rng(arguments.seed), size=(300, 400), geometry="fan")
    scores = clicks_and_scores(promptseg.load(arguments.model), phantom.image, phantom.mask, arguments.clicks)
    for number, score in enumerate(scores, start=1):
        print(f"{number} clicks: oracle IoU {score:.3f}")


if __name__ == "__main__":
    main()
