"""Whether a model is worth its weights: against the best trivial peer with the same prompts."""

import math
from typing import Any, Final

from promptseg.evaluation.study.analysis.cells import Frame, by_image, higher_is_better, numbered
from promptseg.evaluation.study.analysis.comparing import (
    FEWEST_GROUPS,
    PEER_NAMES,
    SAME,
    holm,
    paired,
    tested,
    verdicts,
)
from promptseg.evaluation.study.analysis.figures import figure, metric_title, signed, spread
from promptseg.evaluation.study.analysis.resampling import Draws
from promptseg.evaluation.study.recipe import StatisticsSettings
from promptseg.evaluation.study.rows import ORACLE_CHOICE

__all__ = ["usefulness"]

_COLUMNS: Final = (
    "task",
    "model",
    "policy",
    "experiment",
    "prompter",
    "level",
    "feedback",
    "step",
    "mean",
    "peer",
    "peer_mean",
    "difference",
    "low",
    "high",
    "holm_p",
    "n_images",
    "n_groups",
    "useful",
    "sentence",
)
_KEYS: Final = (*SAME, "first", "policy_first", "feedback_first")


def usefulness(table: Frame, metric: str, settings: StatisticsSettings, *, seed: int = 0) -> Frame:
    """Each model's figures against those of the best trivial peer on the same images with the same prompts.

    The best is the peer of the best mean, which makes the comparison a little hard on the model: the peer was chosen
    after the fact. A model is useful where it is ahead: the interval of the difference excludes zero, from
    :data:`~promptseg.evaluation.study.analysis.comparing.FEWEST_GROUPS` groups of images on. P-values are of the signed
    rank test, corrected by Holm over this whole table; where the two disagree the sentence says so.

    Args:
        table: of :func:`~promptseg.evaluation.study.analysis.read_table`.
        metric: one of its columns.
        settings: resamples and level.
        seed: of the bootstrap.

    Returns:
        ``task``, ``model``, ``policy``, ``experiment``, ``prompter``, ``level``, ``feedback``, ``step``, ``mean``,
        ``peer``, ``peer_mean``, ``difference``, ``low``, ``high``, ``holm_p``, ``n_images``, ``n_groups``, ``useful``
        and ``sentence``. No row where no peer was asked the same.

    Raises:
        UnknownNameError: if the table has no such metric.
        ValueRangeError: if a score is not a finite number.
    """
    images = by_image(table, metric)
    peer = images["model"].isin(list(PEER_NAMES))
    both = paired(images[~peer], images[peer], on=SAME)
    best = _best_peers(both, higher=higher_is_better(metric))
    found = tested(best, (*_KEYS, "second"), Draws(settings, seed))
    cells = best.groupby(numbered(best, _KEYS))
    found["mean"], found["peer_mean"] = (cells[f"value_{side}"].mean().to_numpy() for side in ("first", "second"))
    found["holm_p"] = holm(found["wilcoxon_p"])
    found["verdict"] = verdicts(found, higher=higher_is_better(metric))
    found["useful"] = found["verdict"] == "ahead"
    names = {"first": "model", "policy_first": "policy", "feedback_first": "feedback", "second": "peer"}
    found = found.rename(columns=names)
    found["sentence"] = [_sentence(row, metric, settings.level) for row in found.to_dict("records")]
    return found.astype({"sentence": "str"})[list(_COLUMNS)]


def _best_peers(both: Frame, *, higher: bool) -> Frame:
    """The rows of the best peer of each cell; of equal ones the first."""
    cell, peer = numbered(both, _KEYS), numbered(both, [*_KEYS, "second"])
    means = both.groupby([cell.rename("cell"), peer.rename("peer")])["value_second"].mean().reset_index()
    ordered = means.sort_values(["cell", "value_second", "peer"], ascending=[True, not higher, True])
    return both[peer.isin(ordered.drop_duplicates("cell")["peer"])]


def _sentence(row: dict[Any, Any], metric: str, level: float) -> str:
    """What a row says."""
    peer = row["peer"]
    said = {"ahead": "is useful", "behind": f"is worse than the {peer}"}.get(
        row["verdict"], f"is not told apart from the {peer}"
    )
    means = f"{figure(row['mean'], metric)} against {figure(row['peer_mean'], metric)} of the {peer}"
    gain = f"{signed(row['difference'], metric)} {spread(row['low'], row['high'], metric, sign=True)}"
    count = f"n = {row['n_images']} image" + "s" * (row["n_images"] != 1)
    if row["n_groups"] != row["n_images"]:
        count += f" in {row['n_groups']} group" + "s" * (row["n_groups"] != 1)
    notes = [f"{level:.0%} interval", "prompts from the reference"]
    if row["policy"] == ORACLE_CHOICE:
        notes.append("masks chosen by the reference")
    if row["n_groups"] < FEWEST_GROUPS:
        notes.append("too few to tell")
    elif row["verdict"] != "not told apart" and row["holm_p"] >= 1 - level:
        notes.append(f"not so after Holm's correction, p = {figure(row['holm_p'])}")
    return (
        f"On {row['task']}, {row['model']} ({row['policy']}) {_prompted(row)} {said}: {metric_title(metric)} {means}, "
        f"{gain}, {count} ({', '.join(notes)})."
    )


def _prompted(row: dict[Any, Any]) -> str:
    """What was said to the model."""
    words = f"with {row['prompter']}"
    if not math.isnan(row["level"]):
        words += f" at {row['level']:g}"
    if row["experiment"] == "clicks":
        words += f", click {row['step']}"
    return words + (", mask handed back," if row["feedback"] else "," if row["experiment"] == "clicks" else "")
