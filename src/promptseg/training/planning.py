"""All that is checked before a training run begins: data, split, model; nothing is written."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final, final

import torch

from promptseg.data.samples import Sample
from promptseg.data.sources import detect_source, open_source
from promptseg.data.splits import Split, check_no_leak, read_split
from promptseg.errors import CheckpointError, DatasetError, LeakError, RecipeError
from promptseg.models.fresh import drawn_anew, take_encoder
from promptseg.models.loading import open_model
from promptseg.models.network import Network
from promptseg.models.predictor import PromptSegmenter
from promptseg.models.run_folder import RunRecord, read_record, read_trained, weights_sha256
from promptseg.training.curricula import CURRICULA, build_curriculum
from promptseg.training.examples import Reference, read_reference
from promptseg.training.parts import TRAINED, parts_of
from promptseg.training.recipe import DataSettings, Recipe
from promptseg.types import PROMPT_KINDS, Policy

__all__ = ["Item", "Plan", "Watch", "describe", "make_plan"]

READERS: Final = 4
"""Images that are read at the same time."""

_ONE_MASK: Final = ("clicksam", "ritm")
"""Curricula that never ask for three masks."""

Watch = Callable[[str, int, int], None]
"""Is told what is being done, how much of it is done, and how much there is."""


@final
@dataclass(frozen=True)
class Item:
    """One image that is used.

    Attributes:
        sample: where to read it.
        objects: how many objects it has.
        digest: of its pixels and objects.
    """

    sample: Sample
    objects: int
    digest: str

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.sample.dataset} {self.sample.name}"


@final
@dataclass(frozen=True, eq=False)
class Plan:
    """A run that can begin.

    Attributes:
        recipe: what is done.
        split: where each image belongs.
        train: images that are learned from; each has objects.
        validation: images by which the best weights are chosen; each has objects.
        without_objects: how many images of the two parts have none and are not used.
        segmenter: the model, with the weights that training begins with.
        record: where those came from.
    """

    recipe: Recipe
    split: Split
    train: tuple[Item, ...]
    validation: tuple[Item, ...]
    without_objects: int
    segmenter: PromptSegmenter
    record: RunRecord

    @property
    def cached(self) -> bool:
        """Whether the features of each image are computed once."""
        return "encoder" not in TRAINED[self.recipe.model.trained] and self.recipe.training.embeddings != "live"

    def images_a_step(self, processes: int) -> int:
        """Images, of all processes, for one change of the weights."""
        return self.recipe.training.batch * self.recipe.training.accumulate * processes

    def steps(self, processes: int) -> int:
        """How many times the weights change."""
        if self.recipe.training.steps is not None:
            return self.recipe.training.steps
        images = (self.recipe.training.epochs or 0) * len(self.train)
        return max(1, -(-images // self.images_a_step(processes)))

    @property
    def data_digest(self) -> str:
        """Of all images and objects, and their order."""
        names = [(item.name, item.digest) for item in (*self.train, *self.validation)]
        return sha256(repr(names).encode()).hexdigest()


def make_plan(recipe: Recipe, *, samples: Sequence[Sample] | None = None, watch: Watch | None = None) -> Plan:
    """Check everything that a run needs: each image and mask is read once, and the model is opened.

    Args:
        recipe: what to do.
        samples: instead of those of the recipe's source.
        watch: is told how far it is.

    Raises:
        DatasetError: images are missing, a part is empty or has no objects, or a label does not exist.
        LeakError: images of one group or subject are both learned from and chosen or tested by.
        ReadError: the data or the split cannot be read.
        CheckpointError: the model cannot be opened, or the start or the encoder is of another model.
        RecipeError: the simulated user shows boxes to a network that takes none.
    """
    data = recipe.data
    split = read_split(Path(data.split))
    found = _samples(data) if samples is None else tuple(samples)
    train, validation = (
        tuple(sample for part in parts for sample in split.part(part, found))
        for parts in (data.train_parts, data.validation_parts)
    )
    _check_leaks(split, data, (*train, *validation))
    segmenter, record = _model(recipe)
    read = _survey((*train, *validation), data, watch)
    items, labels = [item for item, _ in read], {label for _, labels in read for label in labels}
    unknown = sorted(set(data.labels) - labels)
    if unknown:
        raise DatasetError(
            f"data.labels: no object has the label {', '.join(map(repr, unknown))}; there are "
            f"{', '.join(sorted(labels))}"
        )
    learned, chosen = items[: len(train)], items[len(train) :]
    for part, some in (("train", learned), ("validation", chosen)):
        if some and not any(item.objects for item in some):
            raise DatasetError(f"data.{part}: none of its {len(some)} images has an object to learn")
    return Plan(
        recipe,
        split,
        tuple(item for item in learned if item.objects),
        _limited([item for item in chosen if item.objects], recipe.validation.limit),
        sum(not item.objects for item in items),
        segmenter,
        record,
    )


def _samples(data: DataSettings) -> tuple[Sample, ...]:
    kind = detect_source(data.path) if data.source == "auto" else data.source
    return open_source(kind, data.path, **data.options)


def _check_leaks(split: Split, data: DataSettings, samples: Sequence[Sample]) -> None:
    learned, chosen = set(data.train_parts), set(data.validation_parts)
    if learned & chosen:
        raise LeakError(f"the part {min(learned & chosen)!r} is both learned from and chosen by; give another")
    tested = {part for part in split.parts if part.startswith("test")} - learned - chosen
    if chosen:
        check_no_leak(split, train=learned, test=chosen, samples=samples)
    if tested:
        check_no_leak(split, train=learned | chosen, test=tested, samples=samples)


def _survey(samples: Sequence[Sample], data: DataSettings, watch: Watch | None) -> list[tuple[Item, frozenset[str]]]:
    """Read every image and its objects once."""

    def one(sample: Sample) -> tuple[Item, frozenset[str]]:
        read: Reference = read_reference(sample, labels=data.labels, rule=data.objects)
        return Item(sample, len(read.objects), read.digest), read.labels

    with ThreadPoolExecutor(READERS) as pool:
        return list(_watched(pool.map(one, samples), "checking the data", len(samples), watch))


def _watched(
    values: Iterable[tuple[Item, frozenset[str]]], what: str, total: int, watch: Watch | None
) -> Iterable[tuple[Item, frozenset[str]]]:
    for done, value in enumerate(values, 1):
        yield value
        if watch is not None:
            watch(what, done, total)


def _limited(items: Sequence[Item], limit: int) -> tuple[Item, ...]:
    """At most so many, evenly from all."""
    if not limit or len(items) <= limit:
        return tuple(items)
    return tuple(items[number * len(items) // limit] for number in range(limit))


def _model(recipe: Recipe) -> tuple[PromptSegmenter, RunRecord]:
    """The model with the weights that training begins with; the record names all that may come to differ from it."""
    settings = recipe.model
    network, entry, name = open_model(settings.name, settings.like)
    if settings.fresh:
        network = drawn_anew(network, seed=recipe.seed)
    if settings.encoder_from is not None:
        take_encoder(network, open_model(settings.encoder_from)[0])
    _check_prompts(recipe, network)
    digest = weights_sha256(network)
    parts = parts_of(network)
    trained = {parameter for parameter, part in parts.items() if part in TRAINED[settings.trained]}
    if settings.start is not None:
        start = Path(settings.start)
        earlier = read_record(start)
        if earlier.base_sha256 != digest:
            raise CheckpointError(
                f"model.start {settings.start!r} was trained on {earlier.base!r}, which is not the model "
                f"{settings.name!r}; give model.name = {earlier.base!r}"
            )
        with torch.no_grad():
            network.module.load_state_dict(dict(read_trained(start)), strict=False)
        trained |= set(earlier.trained)
    names = tuple(parameter for parameter in parts if parameter in trained)
    policy = _policy(recipe) or entry.default_policy
    record = RunRecord(settings.name, digest, entry.name, policy, names)
    return PromptSegmenter(network, entry.preprocessing, name=name, default_policy=policy), record


def _check_prompts(recipe: Recipe, network: Network) -> None:
    """Refuse a simulated user who shows what the network does not take."""
    if "boxes" in getattr(network, "accepts", PROMPT_KINDS):
        return
    name = recipe.curriculum.name
    if CURRICULA[name].shows_boxes:
        others = ", ".join(other for other, entry in CURRICULA.items() if not entry.shows_boxes)
        raise RecipeError(f"curriculum.name: {name!r} shows boxes, which this network does not take; take {others}")
    if recipe.validation.prompter == "box":
        raise RecipeError("validation.prompter: this network takes no boxes; take click, clicks:3 or the like")


def _policy(recipe: Recipe) -> Policy | None:
    """That of the recipe; ``single`` where only the network's single mask learns; None for that of the model."""
    curriculum = build_curriculum(recipe.curriculum.name, **recipe.curriculum.settings)
    one_mask = recipe.curriculum.name in _ONE_MASK or getattr(curriculum, "multimask", None) is False
    return recipe.validation.policy or ("single" if one_mask else None)


def describe(plan: Plan, *, processes: int) -> dict[str, str]:
    """The plan in words, for the user."""
    parameters = dict(plan.segmenter.network.module.named_parameters())
    parts = parts_of(plan.segmenter.network)
    wanted = TRAINED[plan.recipe.model.trained]
    count = sum(value.numel() for name, value in parameters.items() if parts[name] in wanted)
    total = sum(value.numel() for value in parameters.values())
    objects = sum(item.objects for item in plan.train)
    kinds = Counter(item.sample.stratum for item in plan.train)
    steps = plan.steps(processes)
    epochs = steps * plan.images_a_step(processes) / len(plan.train)
    strata = ", ".join(f"{name} {number}" for name, number in sorted(kinds.items()) if name)
    return {
        "images": f"{len(plan.train)} to learn from with {objects} objects{f' ({strata})' if strata else ''}, "
        f"{len(plan.validation)} to choose by; {plan.without_objects} without an object are not used",
        "model": f"{plan.recipe.model.name}; trained: {plan.recipe.model.trained}, {count:,} of {total:,} weights",
        "encoder": "its features are computed once and kept" if plan.cached else "runs for each image each time",
        "curriculum": plan.recipe.curriculum.name,
        "steps": f"{steps} of {plan.images_a_step(processes)} images, {epochs:.3g} epochs",
    }
