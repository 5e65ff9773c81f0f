"""A recipe of a study: which data, which models, which experiments, as checked values.

The settings of each table stand in the docstring of its class, from which docs/reference/study-recipe.md is made.
"""

from typing import Annotated, Any, Literal, final, get_args

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "ClicksSettings",
    "DataSettings",
    "EverythingSettings",
    "ExperimentSettings",
    "LocationSettings",
    "ModelSettings",
    "ModesSettings",
    "NoiseSettings",
    "PeerSettings",
    "StatisticsSettings",
    "StudyRecipe",
]

Name = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
ExperimentName = Literal["modes", "clicks", "noise", "location", "everything"]
PeerExperimentName = Literal["modes", "clicks", "noise"]
PeerName = Literal["ellipse", "disc", "grabcut", "random-walker", "geodesic-active-contour"]
ClickRule = Literal["study", "ritm", "random", "deepest"]
PolicyName = Literal["first", "best-score", "largest", "smallest", "single", "oracle"]


class Table(BaseModel):
    """A table of a recipe: unknown settings are refused, and no type is guessed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


@final
class DataSettings(Table):
    """A data set: one ``[[data]]`` for each.

    Attributes:
        name: in results.
        path: of the data set; from the recipe's folder.
        source: how it is laid out, as for ``promptseg data check``; ``auto`` finds it out.
        options: of the source.
        split: the file that says which image is in which part; from the recipe's folder. Without one every image is
            studied, each its own group (its subject, where the data set names one).
        parts: the parts that are studied.
        train: the parts from which trivial peers learn sizes, where there is a split.
        labels: the classes that count, each of them a task; an empty list for all.
        objects: ``class``: all of a class in an image is one object, as in Mazurowski et al.; ``each``: every object
            of the reference is one.
        least_area_px: smaller objects are left out.
        most_objects: of a class in an image, drawn by the seed; 0 for all.
        limit: images at most, drawn by the seed; 0 for all.
    """

    name: Name
    path: Name
    source: Name = "auto"
    options: dict[str, Any] = Field(default_factory=dict)
    split: Name | None = None
    parts: list[Name] = Field(default_factory=lambda: ["test"], min_length=1)
    train: list[Name] = Field(default_factory=lambda: ["train"])
    labels: list[Name] = Field(default_factory=list)
    objects: Literal["class", "each"] = "class"
    least_area_px: Count = 1
    most_objects: int = Field(default=0, ge=0)
    limit: int = Field(default=0, ge=0)


@final
class ModelSettings(Table):
    """A model: one ``[[model]]`` for each.

    Attributes:
        name: in results.
        weights: a model of the table, a file of weights or a training run; from the recipe's folder. By default the
            name.
        like: for a file, the model whose preprocessing it needs.
        policies: how a candidate mask is chosen; all are evaluated. By default ``single``, ``first``, ``best-score``
            and ``oracle``, as far as the model offers them.
        experiments: in which it takes part; an empty list for all.
    """

    name: Name
    weights: Name | None = None
    like: Name | None = None
    policies: list[PolicyName] = Field(default_factory=list)
    experiments: list[ExperimentName] = Field(default_factory=list)


@final
class PeerSettings(Table):
    """Trivial peers, which look at no data but the prompt, or only at grey values.

    Attributes:
        names: ``ellipse``, ``disc``, ``grabcut``, ``random-walker``, ``geodesic-active-contour``.
        experiments: in which they take part.
        experiments_of: in which single peers take part instead, such as ``{ grabcut = ["modes"] }`` for a slow one.
    """

    names: list[PeerName] = Field(default_factory=list)
    experiments: list[PeerExperimentName] = Field(default_factory=lambda: list(get_args(PeerExperimentName)))
    experiments_of: dict[PeerName, list[PeerExperimentName]] = Field(default_factory=dict)

    def taken_by(self, name: PeerName) -> list[PeerExperimentName]:
        """The experiments in which a peer takes part."""
        return self.experiments_of.get(name, self.experiments)


@final
class ModesSettings(Table):
    """The five prompt modes of Mazurowski et al. (2023), and further places of one click.

    Attributes:
        modes: which of the five.
        extra: further prompters: ``centroid``, ``centroid-projected``, ``scribble``.
        literal: the deepest pixel as in the authors' code: of approximate distances, at random among equals.
    """

    modes: list[Annotated[int, Field(ge=1, le=5)]] = Field(default_factory=lambda: [1, 2, 3, 4, 5])
    extra: list[Literal["centroid", "centroid-projected", "scribble"]] = Field(default_factory=list)
    literal: bool = False


@final
class ClicksSettings(Table):
    """Clicks one after the other, each on an error of the mask before.

    Attributes:
        count: clicks.
        counts: other numbers of clicks for single rules, such as ``{ study = 9 }``.
        prompters: rules of the next click: ``study`` (Algorithm 1 of Mazurowski et al.), ``ritm`` (the rule behind
            NoC), ``random`` (any pixel of the error) and ``deepest`` (middle of the largest part of the error).
        feedback: whether the mask before is handed back; both are evaluated where both are given. Click-based networks
            always get it back, as they are made to.
        policies: of the masks that are corrected; by default the model's own default policy, and ``oracle``.
        targets: IoU at which the number of clicks is read off.
        repeats: of rules that draw at random.
        literal: as in the authors' code, for ``study``.
    """

    count: Count = 9
    counts: dict[ClickRule, Count] = Field(default_factory=dict)
    prompters: list[ClickRule] = Field(default=["study"], min_length=1)
    feedback: list[bool] = Field(default_factory=lambda: [False, True], min_length=1)
    policies: list[PolicyName] = Field(default_factory=list)
    targets: list[Share] = Field(default_factory=lambda: [0.8, 0.85, 0.9])
    repeats: Count = 1
    literal: bool = False

    def count_of(self, rule: ClickRule) -> int:
        """Clicks that a rule makes."""
        return self.counts.get(rule, self.count)


@final
class NoiseSettings(Table):
    """How scores fall when prompts are inexact. An empty list leaves a prompter out.

    Attributes:
        box_sam: shares of the side: standard deviation of Segment Anything's jitter.
        box_medsam: pixels: how far at most each side moves outwards, as in MedSAM.
        box_sam_med2d: pixels: how far at most the whole box moves, as in SAM-Med2D.
        box_overlap: IoU of the box with the tight one, as in Med-SA's "box .5" and "box .75".
        click_jitter: shares of the object's diameter: standard deviation of a click around the deepest pixel.
        click_miss: probabilities that a click lands beside the object.
        repeats: draws of each.
    """

    box_sam: list[Annotated[float, Field(ge=0)]] = Field(default_factory=lambda: [0.0, 0.05, 0.1, 0.2, 0.3])
    box_medsam: list[Annotated[int, Field(ge=0)]] = Field(default_factory=lambda: [10, 20])
    box_sam_med2d: list[Annotated[int, Field(ge=0)]] = Field(default_factory=lambda: [5])
    box_overlap: list[Annotated[float, Field(gt=0, le=1)]] = Field(default_factory=lambda: [0.75, 0.5])
    click_jitter: list[Annotated[float, Field(ge=0)]] = Field(default_factory=lambda: [0.0, 0.05, 0.1, 0.2])
    click_miss: list[Share] = Field(default_factory=list)
    repeats: Count = 3


@final
class LocationSettings(Table):
    """One click on many places of the object.

    Attributes:
        places: on each object, spread evenly over depths and drawn at random within them.
    """

    places: Count = 30


@final
class EverythingSettings(Table):
    """Segment everything, and how well the best mask covers each object.

    Attributes:
        grids: points on each side of the grid; each is evaluated.
        score: masks of a lower predicted IoU are dropped.
        stability: masks whose area changes more with the threshold are dropped.
        overlap: of two masks whose boxes have a higher IoU the one of lower score is dropped.
        crop_layers: layers of crops beside the whole image.
        least_area_px: holes and islands below are removed; 0 leaves them.
        limit: images of each data set at most; 0 for all.
    """

    grids: list[Count] = Field(default_factory=lambda: [32])
    score: Share = 0.88
    stability: Share = 0.95
    overlap: Share = 0.7
    crop_layers: int = Field(default=0, ge=0, le=3)
    least_area_px: int = Field(default=0, ge=0)
    limit: int = Field(default=0, ge=0)


@final
class ExperimentSettings(Table):
    """What is done: an experiment whose table is there is done. Ambiguity and size are read off the table of all."""

    modes: ModesSettings | None = None
    clicks: ClicksSettings | None = None
    noise: NoiseSettings | None = None
    location: LocationSettings | None = None
    everything: EverythingSettings | None = None


@final
class StatisticsSettings(Table):
    """How figures are made from the table.

    Attributes:
        resamples: of the bootstrap.
        level: of intervals.
        primary: the metric of the report.
        compare: pairs of names (model or peer) that are compared; an empty list compares each model with each other.
    """

    resamples: Count = 2000
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    primary: Name = "iou"
    compare: list[Annotated[list[Name], Field(min_length=2, max_length=2)]] = Field(default_factory=list)


@final
class StudyRecipe(Table):
    """The whole recipe.

    Attributes:
        name: of the study, for people.
        seed: of everything that is drawn at random.
        metrics: columns of the table, as for ``promptseg score``; ``iou`` is always among them.
        tolerance: for ``nsd``.
        empty: policy for empty masks, as for ``promptseg score``.
        data: data sets.
        model: models.
        peers: trivial peers.
        experiments: what is done.
        statistics: how figures are made.
    """

    name: Name
    seed: int = Field(default=0, ge=0)
    metrics: list[Name] = Field(default_factory=lambda: ["iou", "dice", "box_iou"])
    tolerance: float | None = Field(default=None, gt=0)
    empty: Literal["one_if_both_empty", "zero"] = "one_if_both_empty"
    data: list[DataSettings] = Field(min_length=1)
    model: list[ModelSettings] = Field(default_factory=list)
    peers: PeerSettings = Field(default_factory=PeerSettings)
    experiments: ExperimentSettings
    statistics: StatisticsSettings = Field(default_factory=StatisticsSettings)
