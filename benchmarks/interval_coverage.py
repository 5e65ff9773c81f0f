"""How often the intervals of a study cover the truth, by the number of groups of images.

    python benchmarks/interval_coverage.py

Scores are drawn from a skewed distribution (Beta 4, 1: mean .8, as IoU often is), three images of a group sharing most
of theirs. Prints the table of docs/explanation/statistics.md.
"""

import argparse

import numpy as np
import pandas as pd

from promptseg.evaluation.study.analysis import FEWEST_GROUPS
from promptseg.evaluation.study.analysis.resampling import Draws, intervals
from promptseg.evaluation.study.recipe import StatisticsSettings

GROUPS = (3, 6, 10, 20, 50, 127)
IMAGES = 3
TRUTH = 0.8


def covered(groups: int, *, samples: int, seed: int) -> tuple[float, float]:
    """Share of samples whose 95 % interval holds the truth, and of those that say that a difference of 0 is none."""
    rng = np.random.default_rng((seed, groups))
    shared = np.repeat(rng.beta(4, 1, size=(samples, groups)), IMAGES, axis=1)
    values = 0.9 * shared + 0.1 * rng.beta(4, 1, size=shared.shape)
    sample, place = np.divmod(np.arange(values.size), groups * IMAGES)
    frame = pd.DataFrame({"sample": sample, "value": values.ravel()})
    frame["cluster"] = [f"{one}-{where // IMAGES}" for one, where in zip(sample, place, strict=True)]
    draws = Draws(StatisticsSettings(resamples=1000), seed)
    found = intervals(frame, ["sample"], draws)
    inside = (found["low"] <= TRUTH) & (found["high"] >= TRUTH)
    sides = np.repeat(rng.choice([-1, 1], size=(samples, groups)), IMAGES, axis=1)
    gaps = intervals(frame.assign(value=(sides * values).ravel()), ["sample"], draws)
    told = ((gaps["low"] > 0) | (gaps["high"] < 0)) & (gaps["n_groups"] >= FEWEST_GROUPS)
    return float(inside.mean()), float(told.mean())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    print("| groups | 95 % intervals that hold the truth | no difference, but told apart |")
    print("|---|---|---|")
    for groups in GROUPS:
        inside, told = covered(groups, samples=given.samples, seed=given.seed)
        print(f"| {groups} | {inside:.1%} | {told:.1%} |", flush=True)


if __name__ == "__main__":
    main()
