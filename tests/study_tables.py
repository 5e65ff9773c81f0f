"""Tables of a study without a model: rows by hand, and a whole synthetic study with every experiment."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from promptseg.evaluation.study.rows import COLUMNS

__all__ = ["CLICK_NETWORK", "MODEL", "PEERS", "WEAK_MODEL", "study_table", "table_of"]

MODEL: Final = "default"
WEAK_MODEL: Final = "default-zeroshot"
CLICK_NETWORK: Final = "default-clicks"
PEERS: Final = ("ellipse", "disc")

DEFAULTS: Final[dict[str, Any]] = {
    "dataset": "busi",
    "label": "lesion",
    "image": "image-0",
    "stratum": "",
    "object": 0,
    "model": MODEL,
    "experiment": "modes",
    "prompter": "mode-1",
    "level": math.nan,
    "policy": "single",
    "feedback": False,
    "repeat": 0,
    "step": 1,
    "prompts": json.dumps({"points": [[4, 5, 1]], "boxes": []}),
    "n_points": 1,
    "n_boxes": 0,
    "candidate": 0,
    "predicted_score": math.nan,
    "depth": math.nan,
    "area_px": 100,
    "image_px": 1000,
    "found_px": 90,
    "seconds": 0.01,
    "embed_seconds": 0.1,
    "iou": 0.5,
}
"""What a row holds that says nothing else; its group is its image, its Dice follows from its IoU."""

QUALITY: Final = {MODEL: 0.8, WEAK_MODEL: 0.68, CLICK_NETWORK: 0.66, "ellipse": 0.7, "disc": 0.4}
POLICIES: Final = {MODEL: ("single", "first", "best-score", "oracle"), WEAK_MODEL: ("best-score", "oracle")}
BETTER: Final = {"single": 0.0, "first": -0.06, "best-score": 0.01, "oracle": 0.05}
MODES: Final = {"mode-1": -0.15, "mode-2": -0.13, "mode-3": 0.0, "mode-4": 0.02, "mode-5": -0.01}
NOISE: Final = {"box-sam": (0.0, 0.1, 0.3), "box-overlap": (0.75, 0.5), "click-jitter": (0.0, 0.2)}


def table_of(rows: Sequence[Mapping[str, Any]], **same: Any) -> pd.DataFrame:
    """A table as ``read_table`` gives it, from what each row holds beside ``same`` and :data:`DEFAULTS`."""
    filled = [{**DEFAULTS, **same, **row} for row in rows]
    for row in filled:
        row.setdefault("group", row["image"])
        row.setdefault("dice", 2 * row["iou"] / (1 + row["iou"]))
        row.setdefault("box_iou", row["iou"])
        row.setdefault("task", row["dataset"])
    metrics = ["iou", "dice", "box_iou"]
    table = pd.DataFrame(filled, columns=[*COLUMNS, *metrics, "task"])
    return table.astype({name: "str" if kind == "string" else kind for name, (kind, _) in COLUMNS.items()})


def study_table(
    *,
    labels: Mapping[str, Sequence[str]] | None = None,
    models: Sequence[str] = (MODEL, WEAK_MODEL, CLICK_NETWORK),
    peers: Sequence[str] = PEERS,
    images: int = 12,
    clicks: int = 4,
    seed: int = 0,
) -> pd.DataFrame:
    """A whole study: every experiment, three kinds of models, two peers; the default model is the best.

    Two images at a time are one group. Images of odd number are malignant. Location and segment-everything are done by
    models with candidates only.

    Args:
        labels: classes of each data set; ``busi`` with one and ``organs`` with two by default.
        models: some of the names of this module.
        peers: likewise.
        images: of each data set.
        clicks: of the clicks experiment.
        seed: of the scores.
    """
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for dataset, names in (labels or {"busi": ["lesion"], "organs": ["liver", "kidney"]}).items():
        for label in names:
            for number in range(images):
                area = int(rng.integers(40, 900))
                shared = {
                    "dataset": dataset,
                    "label": label,
                    "image": f"{dataset}-{number}",
                    "group": f"{dataset}-group-{number // 2}",
                    "stratum": "malignant" if number % 2 else "benign",
                    "task": dataset if len(names) == 1 else f"{dataset}: {label}",
                    "area_px": area,
                }
                ease = 0.08 * rng.normal()
                for model in (*models, *peers):
                    rows += [_scored(shared | row, ease, rng) for row in _asked(model, clicks)]
    return table_of(rows)


def _asked(model: str, clicks: int) -> Iterator[dict[str, Any]]:
    """All that one model is asked about one object; ``effect`` is how much the prompt helps."""
    policies = POLICIES.get(model, ("single",))
    for policy in policies:
        asked = {"model": model, "policy": policy}
        for row in (*_modes(), *_noise()):
            if _understands(model, row["n_boxes"]):
                yield asked | row
        if policy in {policies[0], "oracle"} and _understands(model, 0):
            yield from (asked | row for row in _clicks(clicks, both=model not in PEERS))
        if model in POLICIES:
            yield from (asked | row for row in _places())
    if model in POLICIES:
        yield from ({"model": model, "policy": "oracle"} | row for row in _everything())


def _understands(model: str, n_boxes: int) -> bool:
    """The ellipse needs a box, the disc and the click network need clicks."""
    return n_boxes > 0 if model == "ellipse" else n_boxes == 0 or model not in {"disc", CLICK_NETWORK}


def _modes() -> Iterator[dict[str, Any]]:
    for prompter, effect in MODES.items():
        box = prompter in {"mode-3", "mode-4", "mode-5"}
        yield {"prompter": prompter, "effect": effect, "n_points": int(not box), "n_boxes": int(box)}


def _noise() -> Iterator[dict[str, Any]]:
    for prompter, levels in NOISE.items():
        for level in levels:
            row = {"experiment": "noise", "prompter": prompter, "level": level, "n_boxes": int("box" in prompter)}
            loss = 1 - level if prompter == "box-overlap" else level
            yield from (row | {"repeat": repeat, "effect": -loss / 2} for repeat in range(2))


def _clicks(count: int, *, both: bool) -> Iterator[dict[str, Any]]:
    for feedback in (False, True) if both else (False,):
        for step in range(1, count + 1):
            row = {"experiment": "clicks", "prompter": "clicks-study", "feedback": feedback, "step": step}
            yield row | {"n_points": step, "depth": 1 / step, "effect": -0.15 + 0.06 * step + 0.01 * feedback}


def _places() -> Iterator[dict[str, Any]]:
    for step in range(1, 11):
        row = {"experiment": "location", "prompter": "probe", "step": step}
        yield row | {"depth": step / 10, "effect": -0.3 + 0.015 * step}


def _everything() -> Iterator[dict[str, Any]]:
    for side in (16.0, 32.0):
        row = {"experiment": "everything", "prompter": "everything", "level": side}
        yield row | {"n_points": 0, "effect": -0.2 + side / 320}


def _scored(row: dict[str, Any], ease: float, rng: np.random.Generator) -> dict[str, Any]:
    """A row with its scores; about one mask in a hundred is empty."""
    mean = QUALITY[row["model"]] + BETTER[row["policy"]] + row.pop("effect") + ease
    found = rng.random() > 0.01
    iou = float(np.clip(mean + 0.04 * rng.normal(), 0.01, 0.99)) if found else 0.0
    scores = {"iou": iou, "found_px": int(found) * int(row["area_px"] * (0.8 + 0.4 * rng.random()))}
    if row["model"] in POLICIES:
        scores["predicted_score"] = float(np.clip(iou + 0.1 * rng.normal() + 0.05, 0, 1))
    return row | scores
