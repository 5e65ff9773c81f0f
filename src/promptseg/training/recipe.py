"""A recipe: all that decides what a training run does, as checked values.

The settings of each table stand in the docstring of its class, from which docs/reference/recipe.md is made.
"""

from typing import Annotated, Any, Literal, Self, final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from promptseg.training.augmentation import AugmentationSettings
from promptseg.training.examples import ObjectRule
from promptseg.training.losses import LossSettings
from promptseg.training.parts import TrainedName
from promptseg.types import Policy

__all__ = [
    "CurriculumSettings",
    "DataSettings",
    "ModelSettings",
    "OptimiserSettings",
    "Recipe",
    "ScheduleSettings",
    "TrainingSettings",
    "ValidationSettings",
]

Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1)]
Name = Annotated[str, Field(min_length=1)]


class Table(BaseModel):
    """A table of a recipe: unknown settings are refused, and no type is guessed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


@final
class DataSettings(Table):
    """Which images are learned from.

    Attributes:
        source: how the data set is laid out: ``busi``, ``usgra``, ``folder``, ``coco``, ``nifti``, ``dicom``,
            ``medsam``, ``joined`` (several of them), or ``auto`` to find it out.
        path: the data set; from the recipe's folder.
        options: of the source.
        split: the file that says which image is in which part (``promptseg data split`` writes it); from the recipe's
            folder.
        train: the part to learn from, or several.
        validation: the part by which the best weights are chosen, or several; an empty list for none.
        labels: the labels of objects that count; an empty list for all.
        objects: whether ``each`` object of the reference is one, or they are ``united`` into one for each image.
    """

    path: Name
    split: Name
    source: Name = "auto"
    options: dict[str, Any] = Field(default_factory=dict)
    train: str | list[str] = "train"
    validation: str | list[str] = "validation"
    labels: list[str] = Field(default_factory=list)
    objects: ObjectRule = "each"

    @property
    def train_parts(self) -> tuple[str, ...]:
        """The parts to learn from."""
        return (self.train,) if isinstance(self.train, str) else tuple(self.train)

    @property
    def validation_parts(self) -> tuple[str, ...]:
        """The parts by which the best weights are chosen."""
        return (self.validation,) if isinstance(self.validation, str) else tuple(self.validation)


@final
class ModelSettings(Table):
    """What is trained.

    Attributes:
        name: a model of the table (``promptseg models list``) or a file of weights; a file from the recipe's folder.
        like: for a file, the model whose preprocessing it needs, where the file does not tell.
        trained: ``decoder``, ``prompt-encoder+decoder``, ``encoder+decoder`` or ``all``.
        start: the folder of an earlier run on the same model, whose weights are the beginning; from the recipe's
            folder.
        fresh: begin with weights that are drawn at random, by the seed, instead of the model's own; for models of our
            own architectures.
        encoder_from: with ``fresh``, a model of the table or a file of weights whose encoder is the beginning; it must
            be of the same sizes. A file from the recipe's folder.
    """

    name: Name = "default"
    like: str | None = None
    trained: TrainedName = "decoder"
    start: Name | None = None
    fresh: bool = False
    encoder_from: Name | None = None

    @model_validator(mode="after")
    def _begins_once(self) -> Self:
        if self.encoder_from is not None and not self.fresh:
            raise ValueError("`encoder_from` needs `fresh = true`")
        if self.start is not None and self.fresh:
            raise ValueError("give either `start` or `fresh`")
        return self


@final
class CurriculumSettings(BaseModel):
    """How a user is simulated; the settings beside the name are those of the curriculum.

    Attributes:
        name: of the curriculum.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    name: Name

    @property
    def settings(self) -> dict[str, Any]:
        """What stands beside the name."""
        return dict(self.model_extra or {})


@final
class OptimiserSettings(Table):
    """How weights follow the gradients.

    Attributes:
        name: ``adamw``, or ``adam``, whose weight decay is part of the gradient.
        lr: the learning rate, before the schedule.
        betas: of the running means of gradients and of their squares.
        weight_decay: of weight matrices and convolutions; biases, norms and single tokens are never decayed.
        clip_norm: longer gradients are shortened to this length; 0 leaves them.
    """

    name: Literal["adamw", "adam"] = "adamw"
    lr: float = Field(default=1e-4, gt=0)
    betas: tuple[Share, Share] = Field(default=(0.9, 0.999), strict=False)
    weight_decay: float = Field(default=0.01, ge=0)
    clip_norm: float = Field(default=1.0, ge=0)


@final
class ScheduleSettings(Table):
    """How the learning rate changes, as a factor.

    Attributes:
        name: ``constant``; ``linear`` or ``cosine``, from 1 to ``final`` at the end; ``steps``, times ``factor`` after
            each of the shares in ``at``.
        warm_up: steps in which the rate rises linearly from near 0.
        final: for ``linear`` and ``cosine``.
        at: for ``steps``: shares of the training, rising, between 0 and 1.
        factor: for ``steps``.
    """

    name: Literal["constant", "linear", "cosine", "steps"] = "cosine"
    warm_up: int = Field(default=0, ge=0)
    final: float = Field(default=0.01, ge=0, le=1)
    at: list[Annotated[float, Field(gt=0, lt=1)]] = Field(default_factory=list)
    factor: float = Field(default=0.1, gt=0, le=1)

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if sorted(set(self.at)) != self.at:
            raise ValueError(f"`at` must rise, got {self.at}")
        if (self.name == "steps") != bool(self.at):
            raise ValueError("`at` is needed by the schedule `steps`, and by it alone")
        return self


@final
class TrainingSettings(Table):
    """How long, how many at a time, and how.

    Attributes:
        epochs: how often each image is seen; give this or ``steps``.
        steps: how many times the weights change.
        batch: images at a time in each process.
        objects: at most so many objects of an image at a time, drawn anew each time.
        accumulate: batches whose gradients are added up before the weights change.
        precision: ``float32``, or ``bf16`` for products and convolutions; weights, coordinates and losses stay float32.
        ema: decay of a running mean of the weights, which is then what is scored and kept; 0 for none.
        embeddings: ``cached`` computes the features of each image once, where the encoder is not trained; ``live``
            computes them whenever the image is seen; ``auto`` is ``cached`` where that is possible.
        augmented_copies: for cached embeddings, how many augmented copies of each image are embedded beside it.
        embeddings_folder: where embeddings are kept, to be shared by runs; from the recipe's folder. By default they
            are in the run and are removed when it ends.
        embeddings_precision: ``float16`` or ``float32``, on the disk.
        checkpoint_every: steps between checkpoints; 0 for one at the end of each epoch.
        log_every: steps that one line of the table of losses stands for; 0 for one line an epoch.
    """

    epochs: Count | None = None
    steps: Count | None = None
    batch: Count = 4
    objects: Count = 2
    accumulate: Count = 1
    precision: Literal["float32", "bf16"] = "float32"
    ema: Share = 0.0
    embeddings: Literal["auto", "cached", "live"] = "auto"
    augmented_copies: int = Field(default=0, ge=0, le=1000)
    embeddings_folder: Name | None = None
    embeddings_precision: Literal["float16", "float32"] = "float16"
    checkpoint_every: int = Field(default=0, ge=0)
    log_every: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _has_a_length(self) -> Self:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("give either `epochs` or `steps`")
        return self


@final
class ValidationSettings(Table):
    """How the best weights are chosen.

    Attributes:
        prompter: what the simulated user does: ``click`` (one, in the middle), ``box`` (tight), ``clicks:N`` (N clicks,
            each in the middle of the largest error, the mask before as a prompt too), ``clicksam`` (a click, then
            clicks by ClickSAM's rule). All see the reference, so the score is an oracle's.
        policy: which candidate mask is taken, here and by default when the run is loaded; by default ``single`` where
            the curriculum teaches the single mask only, else that of the model.
        metric: ``iou`` or ``dice``, of masks at the size of the image; the mean over objects.
        every: epochs between validations.
        limit: at most so many images, evenly from all; 0 for all.
    """

    prompter: str = Field(default="click", pattern=r"^(click|box|clicksam|clicks:[1-9][0-9]?)$")
    policy: Policy | None = None
    metric: Literal["iou", "dice"] = "iou"
    every: Count = 1
    limit: int = Field(default=0, ge=0)


@final
class Recipe(Table):
    """The whole recipe.

    Attributes:
        name: of the experiment; stands beside its results.
        seed: all that is random follows from it.
        data: the images.
        model: what is trained.
        curriculum: how a user is simulated.
        loss: what is small where masks are right.
        optimiser: how weights follow the gradients.
        schedule: how the learning rate changes.
        augmentation: how images are changed at random.
        training: how long, how many at a time, and how.
        validation: how the best weights are chosen.
    """

    name: Name
    seed: int = Field(default=0, ge=0)
    data: DataSettings
    training: TrainingSettings
    model: ModelSettings = ModelSettings()
    curriculum: CurriculumSettings = CurriculumSettings(name="single-click")
    loss: LossSettings = LossSettings()
    optimiser: OptimiserSettings = OptimiserSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    augmentation: AugmentationSettings = AugmentationSettings()
    validation: ValidationSettings = ValidationSettings()
