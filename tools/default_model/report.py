"""Turn the rows of tools.default_model.evaluate into Markdown tables.

Run: python -m tools.default_model.report rows.csv --policy best-score
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from promptseg.metrics.intervals import Interval, bootstrap_interval, paired_difference

Key = tuple[str, int, str]
WORSE_BY = 0.02
CHAINS = ("single", "best-score", "best-score-then-single")
STEPS = (*range(1, 10), 15, 20)


class Measured:
    """The rows of one data set: mean IoU of each image for every (prompter, step, policy)."""

    def __init__(self, rows: Sequence[dict[str, str]]) -> None:
        self.names = list(dict.fromkeys(row["name"] for row in rows))
        self.objects = len({(row["name"], row["object"]) for row in rows})
        group_of = {row["name"]: row["group"] for row in rows}
        self.groups = [group_of[name] for name in self.names]
        cells: dict[Key, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.pairs: dict[Key, list[tuple[float, float]]] = defaultdict(list)
        self.chains: dict[str, dict[tuple[str, str], list[float]]] = defaultdict(lambda: defaultdict(list))
        for row in rows:
            key = (row["prompter"], int(row["step"]), row["policy"])
            cells[key][row["name"]].append(float(row["iou"]))
            self.pairs[key].append((float(row["iou"]), float(row["score"])))
            if row["prompter"].startswith("clicks:"):
                self.chains[row["policy"]][row["name"], row["object"]].append(float(row["iou"]))
        self.values = {key: [float(np.mean(by[name])) for name in self.names] for key, by in cells.items()}

    def interval(self, prompter: str, step: int, policy: str) -> Interval:
        """Mean over images with its 95 % interval; near-duplicates and patients are drawn together."""
        values = self.values[prompter, step, policy]
        return bootstrap_interval(values, rng=np.random.default_rng(0), groups=self.groups)

    def difference(self, prompter: str, policy: str) -> Interval:
        """Mean difference to the ellipse inscribed in the same box."""
        first, second = self.values[prompter, 1, policy], self.values[prompter, 1, "ellipse"]
        return paired_difference(first, second, rng=np.random.default_rng(0), groups=self.groups)

    def worsened(self, chain: str) -> float:
        """Share of clicks after the first that lower the IoU by more than .02."""
        steps = [np.diff(ious) for ious in self.chains[chain].values()]
        return float(np.mean(np.concatenate(steps) < -WORSE_BY))

    def score_error(self, prompter: str, step: int, policy: str) -> float:
        """Mean |predicted - true IoU| over objects."""
        return float(np.mean([abs(iou - score) for iou, score in self.pairs[prompter, step, policy]]))


def cell(interval: Interval, *, signed: bool = False) -> str:
    """A mean with its interval, without leading zeros; the mean alone where one group leaves nothing to resample."""
    form = "{:+.3f}" if signed else "{:.3f}"
    mean, low, high = (form.format(v).replace("0.", ".", 1) for v in (interval.mean, interval.low, interval.high))
    return mean if interval.low == interval.high else f"{mean} [{low}, {high}]"


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def report(measured: dict[str, Measured], *, policy: str) -> str:
    """All tables. `policy` is the choice that the product makes."""
    parts = []
    clicks = f"clicks:{policy}"
    columns = [
        ("1 click, single", "click", 1, "single"),
        ("1 click, best-score", "click", 1, "best-score"),
        ("1 click, oracle of 3", "click", 1, "oracle-of-3"),
        ("3 clicks", clicks, 3, policy),
        ("5 clicks", clicks, 5, policy),
        ("9 clicks", clicks, 9, policy),
    ]
    head = ["data", "images (objects)", *(c[0] for c in columns)]
    lines = [
        [name, f"{len(m.names)} ({m.objects})", *(cell(m.interval(*c[1:])) for c in columns)]
        for name, m in measured.items()
    ]
    parts.append("### Clicks (oracle prompts)\n\n" + table(head, lines))
    plain = policy if policy in ("single", "best-score") else "single"
    columns = [
        ("box, tight", "box", 1, plain),
        ("box, jittered", "jittered-box", 1, plain),
        ("ClickSAM clicks", "clicksam", 1, plain),
        ("ClickSAM clicks + mask", "clicksam-feedback", 1, plain),
    ]
    head = ["data", *(c[0] for c in columns)]
    lines = [[name, *(cell(m.interval(*c[1:])) for c in columns)] for name, m in measured.items()]
    parts.append(f"### Boxes and ClickSAM clicks (oracle prompts, `{plain}`)\n\n" + table(head, lines))
    parts += [_ellipse_table(measured, plain), _chain_table(measured), _score_table(measured, policy)]
    return "\n".join(parts)


def _ellipse_table(measured: dict[str, Measured], policy: str) -> str:
    head = ["data", "tight: model", "ellipse", "difference", "jittered: model", "ellipse", "difference"]
    head += ["tight, `--exact-box`", "difference"]
    lines = []
    for name, m in measured.items():
        line = [name]
        for prompter in ("box", "jittered-box"):
            line += [f"{np.mean(m.values[prompter, 1, p]):.3f}".lstrip("0") for p in (policy, "ellipse")]
            line.append(cell(m.difference(prompter, policy), signed=True))
        line.append(cell(m.interval("box", 1, "single-exact-box")))
        line.append(cell(m.difference("box", "single-exact-box"), signed=True))
        lines.append(line)
    return "### Against the ellipse inscribed in the box (oracle prompts)\n\n" + table(head, lines)


def _chain_table(measured: dict[str, Measured]) -> str:
    head = ["data", "policy", *map(str, STEPS), "clicks that worsen by > .02"]
    lines = [
        [
            name,
            f"`{chain}`",
            *(_mean(m, (f"clicks:{chain}", step, chain)) for step in STEPS),
            f"{100 * m.worsened(chain):.1f} %",
        ]
        for name, m in measured.items()
        for chain in CHAINS
    ]
    return "### Mean IoU after each click, by policy (oracle prompts)\n\n" + table(head, lines)


def _mean(m: Measured, key: Key) -> str:
    return f"{np.mean(m.values[key]):.3f}".lstrip("0") if key in m.values else ""


def _score_table(measured: dict[str, Measured], policy: str) -> str:
    head = [
        "data",
        "1 click, single",
        "1 click, best-score",
        "box, single",
        "box, best-score",
        "5 clicks",
        "oracle - best-score, 1 click",
        "oracle - best-score, box",
        "mask alone - its source",
    ]
    lines = []
    for name, m in measured.items():
        errors = [m.score_error(p, 1, choice) for p in ("click", "box") for choice in ("single", "best-score")]
        errors.append(m.score_error(f"clicks:{policy}", 5, policy))
        gaps = [
            float(np.mean(m.values[p, 1, "oracle-of-3"]) - np.mean(m.values[p, 1, "best-score"]))
            for p in ("click", "box")
        ]
        kept = float(np.mean(m.values["mask-only", 1, "single"]) - np.mean(m.values["click", 1, "single"]))
        lines.append([name, *(f"{v:.3f}" for v in errors), *(f"{v:+.3f}" for v in gaps), f"{kept:+.3f}"])
    return "### Scores: mean |predicted - true IoU|, and what a perfect choice would add\n\n" + table(head, lines)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--policy", choices=CHAINS, required=True)
    options = parser.parse_args()
    by_dataset: dict[str, list[dict[str, str]]] = defaultdict(list)
    with options.rows.open() as file:
        for row in csv.DictReader(file):
            by_dataset[row["dataset"]].append(row)
    print(report({name: Measured(rows) for name, rows in by_dataset.items()}, policy=options.policy))


if __name__ == "__main__":
    main()
