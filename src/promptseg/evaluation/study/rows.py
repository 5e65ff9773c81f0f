"""What stands in the table of a study: one row for each evaluation, and the meaning of each column.

All figures, plots and reports are functions of this table alone. All prompters know the reference, so every score in
it is an oracle's as far as prompts go; a row of the policy ``oracle`` also chose its mask by the reference.
"""

from typing import Final

__all__ = ["COLUMNS", "CONTEXT", "KEY", "ORACLE_CHOICE", "TIMES"]

ORACLE_CHOICE: Final = "oracle"
"""The policy that takes the candidate mask with the highest true IoU (the first of several)."""

COLUMNS: Final[dict[str, tuple[str, str]]] = {
    "dataset": ("string", "name of the data set in the recipe"),
    "label": ("string", "class of the object"),
    "image": ("string", "name of the image in the data set"),
    "group": ("string", "what the bootstrap draws as a whole: near-duplicate group, subject, or the image itself"),
    "stratum": ("string", "what a split keeps in proportion, such as benign or malignant; may be empty"),
    "object": ("int32", "number of the object among those of its class in the image, from 0"),
    "model": ("string", "name of the model or of the trivial peer in the recipe"),
    "experiment": ("string", "modes, clicks, noise, location or everything"),
    "prompter": ("string", "how the prompt was made, see PROMPTERS"),
    "level": ("float64", "how strong the noise was, or the side of the grid; NaN where there is no such thing"),
    "policy": ("string", "how one candidate mask was chosen; oracle: by the reference"),
    "feedback": ("bool", "whether the mask before was handed back with the next click"),
    "repeat": ("int32", "number of the repetition with other random draws, from 0"),
    "step": ("int32", "from 1: number of the click, or of the place on the object"),
    "prompts": ("string", 'JSON: {"points": [[x, y, 1 or 0], ...], "boxes": [[x0, y0, x1, y1], ...]} in pixels'),
    "n_points": ("int32", "points that the prompt has"),
    "n_boxes": ("int32", "boxes that the prompt has"),
    "candidate": ("int32", "index of the chosen mask among the candidates; -1 if there was none"),
    "predicted_score": ("float64", "the model's own estimate of the IoU; NaN if it makes none"),
    "depth": ("float64", "of the last click: its distance to the border over the object's greatest; NaN without one"),
    "area_px": ("int64", "pixels of the object"),
    "image_px": ("int64", "pixels of the image"),
    "found_px": ("int64", "pixels of the mask"),
    "seconds": ("float64", "time of this evaluation without embedding: its share of the batch in which it ran"),
    "embed_seconds": ("float64", "time that this model took to embed the image"),
}
"""Type and meaning of each column; a column for each metric of the recipe follows (``iou`` always)."""

CONTEXT: Final = ("dataset", "label", "image", "object")
"""Columns that name an object."""

KEY: Final = (*CONTEXT, "model", "experiment", "prompter", "level", "policy", "feedback", "repeat", "step")
"""Columns that name a row; no two rows agree in all of them."""

TIMES: Final = ("seconds", "embed_seconds")
"""Columns that differ from run to run; a resumed study agrees with an uninterrupted one in all others."""
