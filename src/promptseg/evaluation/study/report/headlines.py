"""Which few ways to prompt stand in the summary."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

from promptseg.evaluation.study.analysis import PEER_NAMES
from promptseg.evaluation.study.report.numbers import counted

__all__ = ["Headline", "headlines"]

_CLICK: Final = ("mode-1", "mode-2", "centroid", "centroid-projected", "scribble")
_BOX: Final = ("mode-4", "mode-3", "mode-5")
_RULES: Final = ("clicks-study", "clicks-ritm", "clicks-deepest", "clicks-random")
_NOISE: Final = ("box-sam", "click-jitter", "box-medsam", "box-sam-med2d", "box-overlap", "click-miss")


_PHRASES: Final = {
    "mode-1": "a click in the largest part",
    "mode-2": "a click in each part",
    "mode-3": "a box of the largest part",
    "mode-4": "a box of each part",
    "mode-5": "one box around all",
    "centroid": "a click at the centroid",
    "centroid-projected": "a click near the centroid",
    "scribble": "a scribble",
    "box-sam": "a jittered box",
    "box-medsam": "a widened box",
    "box-sam-med2d": "a shifted box",
    "box-overlap": "an inexact box",
    "click-jitter": "a jittered click",
    "click-miss": "a click that may miss",
}
"""What the user does, after "With"."""


@final
@dataclass(frozen=True)
class Headline:
    """A way to prompt: which rows of the table it is.

    Attributes:
        key: unique, for ids.
        phrase: what the user does, after "With".
        experiment: of its rows.
        prompter: of its rows.
        level: of its rows; NaN where there is none.
        feedback: of its rows.
        step: of its rows.
    """

    key: str
    phrase: str
    experiment: str
    prompter: str
    level: float = math.nan
    feedback: bool = False
    step: int = 1

    @property
    def title(self) -> str:
        """The phrase as a title."""
        return self.phrase[:1].upper() + self.phrase[1:]

    def of(self, frame: Any) -> Any:  # noqa: ANN401 (a DataFrame and a part of it)
        """Its rows of a table, or of any frame with the same columns.

        Trivial peers take no mask, so that they stand beside models which got theirs back.
        """
        level = frame["level"].isna() if math.isnan(self.level) else frame["level"] == self.level
        feedback = frame["feedback"] == self.feedback
        if self.feedback:
            feedback |= frame["model"].isin(list(PEER_NAMES))
        return frame[
            (frame["experiment"] == self.experiment)
            & (frame["prompter"] == self.prompter)
            & level
            & feedback
            & (frame["step"] == self.step)
        ]


def headlines(table: Any) -> tuple[Headline, ...]:  # noqa: ANN401 (a DataFrame)
    """One click, a box, several clicks without and with the mask handed back, as far as they were studied.

    A study without any of them gets what it has: exact prompts of the noise experiment, the largest grid of
    segment-everything. Chosen by names alone; no score is looked at.
    """
    columns = ["experiment", "prompter", "level", "feedback", "step"]
    done = table[columns].drop_duplicates()
    found = [*_modes(done), *_clicks(done)]
    return tuple(found or [*_noise(done), *_everything(done)])


def _modes(done: Any) -> Iterator[Headline]:  # noqa: ANN401
    present = set(done.loc[done["experiment"] == "modes", "prompter"])
    for key, names in (("click", _CLICK), ("box", _BOX)):
        prompter = _first(names, present)
        if prompter:
            yield Headline(key, _PHRASES[prompter], "modes", prompter)


def _clicks(done: Any) -> Iterator[Headline]:  # noqa: ANN401
    clicks = done[done["experiment"] == "clicks"]
    prompter = _first(_RULES, set(clicks["prompter"]))
    for feedback in (False, True):
        rows = clicks[(clicks["prompter"] == prompter) & (clicks["feedback"] == feedback)]
        if len(rows):
            step = int(rows["step"].max())
            phrase = f"{counted(step, 'click')}{', the mask handed back' if feedback else ''}"
            key = f"clicks-{'with' if feedback else 'without'}"
            yield Headline(key, phrase, "clicks", prompter, math.nan, feedback, step)


def _noise(done: Any) -> Iterator[Headline]:  # noqa: ANN401
    noise = done[done["experiment"] == "noise"]
    prompter = _first(_NOISE, set(noise["prompter"]))
    if prompter:
        levels = noise.loc[noise["prompter"] == prompter, "level"]
        level = float(levels.max() if prompter == "box-overlap" else levels.min())
        yield Headline("noise", f"{_PHRASES[prompter]} ({level:g})", "noise", prompter, level)


def _everything(done: Any) -> Iterator[Headline]:  # noqa: ANN401
    rows = done[done["experiment"] == "everything"]
    if len(rows):
        level = float(rows["level"].max())
        phrase = f"a grid of {level:g} \N{MULTIPLICATION SIGN} {level:g} clicks"
        yield Headline("everything", phrase, "everything", "everything", level)


def _first(names: Sequence[str], present: set[str]) -> str:
    return next((name for name in names if name in present), "")
