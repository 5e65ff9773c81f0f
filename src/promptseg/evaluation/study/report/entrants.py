"""Who took part: models and trivial peers, each with a colour and a shape that it keeps on the whole page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, final

from promptseg.evaluation.charts import Mark, Series
from promptseg.evaluation.charts.marks import SHAPES
from promptseg.evaluation.study.recipe import StudyRecipe
from promptseg.evaluation.study.rows import ORACLE_CHOICE

__all__ = ["COLOURS", "Entrant", "entrants", "headline_policy"]

COLOURS: Final = (
    ("#0a66b0", "#62b0f4"),
    ("#c94f06", "#ff9553"),
    ("#07805d", "#43cf9f"),
    ("#a32e78", "#f186c6"),
    ("#7d6200", "#dfc04a"),
    ("#4a3fb0", "#aaa2ff"),
    ("#0b7f96", "#5fd3e6"),
    ("#8c3b2e", "#f0a091"),
)
"""Of models, on light and on dark paper; told apart with every kind of colour vision together with the shapes."""

PEER_COLOURS: Final = (
    ("#6b7280", "#a3adba"),
    ("#8a7f6d", "#c9bca6"),
    ("#57534e", "#d3cfca"),
    ("#64748b", "#94a7c0"),
    ("#78716c", "#b3aaa3"),
)
"""Of trivial peers: greys."""

_PREFERRED: Final = ("single", "best-score", "first", "largest", "smallest")


@final
@dataclass(frozen=True)
class Entrant:
    """A model or a peer.

    Attributes:
        name: in the table.
        peer: whether it is a trivial peer.
        tone: class that sets its colour.
        shape: of its dots.
        policy: how its masks are chosen where the report shows one choice; never the oracle's if it offers another.
    """

    name: str
    peer: bool
    tone: str
    shape: str
    policy: str

    def series(self, marks: Sequence[Mark] = ()) -> Series:
        """Values in its colour and shape; lines of peers are dashed."""
        return Series(self.name, self.tone, marks, self.shape, dashed=self.peer)


def entrants(table: Any, recipe: StudyRecipe) -> tuple[Entrant, ...]:  # noqa: ANN401 (a DataFrame)
    """All who are in the table: models in the order of the recipe, then peers; others by name.

    Args:
        table: as ``read_table`` gives it.
        recipe: of the study.
    """
    present = set(table["model"].unique())
    peers = [name for name in recipe.peers.names if name in present]
    listed = [settings.name for settings in recipe.model if settings.name in present]
    models = [*listed, *sorted(present - {*listed, *peers})]
    pairs = table[["model", "experiment", "policy"]].drop_duplicates()
    found = []
    for place, name in enumerate([*models, *peers]):
        peer = place >= len(models)
        number = place - len(models) if peer else place
        tone = f"{'peer' if peer else 'model'}-{number % len(PEER_COLOURS if peer else COLOURS)}"
        policy = headline_policy(pairs[pairs["model"] == name], recipe, name)
        found.append(Entrant(name, peer, tone, SHAPES[(number + (2 if peer else 0)) % len(SHAPES)], policy))
    return tuple(found)


def headline_policy(pairs: Any, recipe: StudyRecipe, name: str) -> str:  # noqa: ANN401 (a DataFrame)
    """The choice that is shown where only one is: by a rule that looks at no score.

    The first that the recipe lists for the model; else the one whose masks the clicks corrected, which is the model's
    own default; else the first that it has of single, best-score, first, largest, smallest; the oracle's comes last.

    Args:
        pairs: rows of one model with the columns experiment and policy.
        recipe: of the study.
        name: of the model.
    """
    present = set(pairs["policy"])
    listed = next((list(settings.policies) for settings in recipe.model if settings.name == name), [])
    clicked = set(pairs.loc[pairs["experiment"] == "clicks", "policy"]) - {ORACLE_CHOICE}
    order = [*listed, *(clicked if len(clicked) == 1 else ()), *_PREFERRED]
    honest = [policy for policy in order if policy in present and policy != ORACLE_CHOICE]
    return honest[0] if honest else str(min(present))
