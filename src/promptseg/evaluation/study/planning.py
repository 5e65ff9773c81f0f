"""What a study will do: which images, which objects, which models, and what belongs together.

The unit of work is one image before one model or peer. Nothing here depends on where the data lie, so several machines
come to the same plan.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, final
from zlib import crc32

import numpy as np

from promptseg._version import __version__
from promptseg.data.samples import Sample, TrueObject, united
from promptseg.data.sources import detect_source, open_source
from promptseg.data.splits import Split, check_no_leak, read_split
from promptseg.errors import DatasetError, StudyError
from promptseg.evaluation.peers import median_disc_share
from promptseg.evaluation.study.recipe import DataSettings, StudyRecipe
from promptseg.evaluation.study.recipe_files import planned_experiments
from promptseg.evaluation.study.scene import StudiedObject
from promptseg.metrics import METRICS

__all__ = [
    "Contender",
    "Plan",
    "Progress",
    "StudiedImage",
    "Unit",
    "make_plan",
    "named_samples",
    "open_samples",
    "studied_objects",
]

_DISC: Final = "disc"

READERS: Final = 4
"""Images that are read at the same time."""

Progress = Callable[[str, int, int], None]
"""Is told what is being done, how much of it is done, and how much there is."""


@final
@dataclass(frozen=True, eq=False)
class StudiedImage:
    """An image of a plan.

    Attributes:
        number: among all images of the plan, from 0.
        name: of the image, see :func:`named_samples`.
        data: the data set, as the recipe has it.
        sample: where to read it.
        group: what the bootstrap draws as a whole.
        everything: whether it is one of those on which everything is segmented.
    """

    number: int
    name: str
    data: DataSettings
    sample: Sample
    group: str
    everything: bool

    @property
    def key(self) -> str:
        """For messages, and for what is drawn at random."""
        return f"{self.data.name}/{self.name}"


@final
@dataclass(frozen=True)
class Contender:
    """A model or a trivial peer.

    Attributes:
        name: in results.
        peer: whether it is a trivial peer.
        experiments: in which it takes part, in the order in which they are done.
    """

    name: str
    peer: bool
    experiments: tuple[str, ...]


@final
@dataclass(frozen=True)
class Unit:
    """One image before one contender.

    Attributes:
        number: from 0, in the order of the table.
        image: number of the image.
        contender: number of the model or peer.
    """

    number: int
    image: int
    contender: int


@final
@dataclass(frozen=True, eq=False)
class Plan:
    """All that is to be done.

    Attributes:
        recipe: of the study.
        images: those that are studied, by data set.
        contenders: models, then peers.
        object_shares: by data set and label, the share of the image that peers learned from the training part.
        left_out: what cannot be done, and why.
    """

    recipe: StudyRecipe
    images: tuple[StudiedImage, ...]
    contenders: tuple[Contender, ...]
    object_shares: Mapping[tuple[str, str], float]
    left_out: Mapping[str, str]

    @property
    def units(self) -> Iterator[Unit]:
        """Units in the order of the table: by image, then by contender."""
        count = len(self.contenders)
        return (Unit(number, *divmod(number, count)) for number in range(len(self)))

    def __len__(self) -> int:
        return len(self.images) * len(self.contenders)

    def name(self, unit: Unit) -> str:
        """For messages, and in the file of the unit."""
        return f"{self.images[unit.image].key} with {self.contenders[unit.contender].name}"

    def identity(self, fingerprints: Mapping[str, str]) -> dict[str, Any]:
        """What must be the same where a study is resumed or merged; no path of this machine is in it.

        Args:
            fingerprints: of the weights of each model.
        """
        recipe = self.recipe.model_dump(mode="json", exclude={"name", "statistics"})
        for entry in recipe["data"]:
            del entry["path"], entry["split"]
            entry["options"].pop("root", None)  # of a list of data sets: a path of this machine
        for entry in recipe["model"]:
            del entry["weights"]
        images = [(image.key, image.group, image.everything) for image in self.images]
        return {
            "version": __version__,
            "recipe": _digest(recipe),
            "images": _digest(images),
            "weights": dict(fingerprints),
            "sizes": {f"{dataset}: {label}": share for (dataset, label), share in self.object_shares.items()},
            "units": len(self),
        }


def make_plan(recipe: StudyRecipe, *, progress: Progress | None = None) -> Plan:
    """Find all images, check that nothing leaks, and learn what peers need.

    Args:
        recipe: of the study.
        progress: is told how far it is.

    Raises:
        DatasetError: images are missing, a part is empty, or a label does not exist.
        LeakError: images of one group or subject are both studied and trained with.
        ReadError: data or a split cannot be read.
    """
    contenders = _contenders(recipe)
    images: list[StudiedImage] = []
    shares: dict[tuple[str, str], float] = {}
    left_out: dict[str, str] = {}
    for number, data in enumerate(recipe.data):
        if progress is not None:
            progress("opening the data", number, len(recipe.data))
        samples = open_samples(data)
        split = None if data.split is None else read_split(Path(data.split))
        studied = _studied(data, split, samples, recipe.seed)
        names = {id(sample): name for name, sample in named_samples(samples).items()}
        images += _images(studied, data, split, recipe, names=names, first=len(images))
        if recipe.peers.names:
            learned, why = _object_shares(data, split, samples, recipe.seed)
            shares |= learned
            left_out |= why if _DISC in recipe.peers.names else {}
    if recipe.metrics and any(METRICS[name].uses_spacing for name in recipe.metrics):
        check_spacings(images)
    if progress is not None:
        progress("opening the data", len(recipe.data), len(recipe.data))
    return Plan(recipe, tuple(images), contenders, shares, left_out)


def studied_objects(sample: Sample, data: DataSettings, *, seed: int) -> tuple[StudiedObject, ...]:
    """What of an image is studied: by class in the recipe's order (else sorted), then as the data set has them.

    Objects keep their number among those of their class where small ones are left out or some are drawn.

    Raises:
        DatasetError: a mask cannot be on this image.
        ReadError: the reference cannot be read.
    """
    found: dict[str, list[TrueObject]] = {}
    for item in sample.read_objects():
        found.setdefault(item.label, []).append(item)
    studied: list[StudiedObject] = []
    for label in data.labels or sorted(found):
        masks = [item.mask for item in found.get(label, ())]
        if data.objects == "class" and masks:
            masks = [united(tuple(found[label]), (masks[0].shape[0], masks[0].shape[1]))]
        kept = [
            StudiedObject(label, number, mask)
            for number, mask in enumerate(masks)
            if np.count_nonzero(mask) >= data.least_area_px
        ]
        if data.most_objects and len(kept) > data.most_objects:
            rng = _rng(seed, f"{data.name}/{sample.name}", label)
            chosen = rng.permutation(len(kept))[: data.most_objects]
            kept = [kept[number] for number in sorted(chosen.tolist())]
        studied += kept
    return tuple(studied)


def _contenders(recipe: StudyRecipe) -> tuple[Contender, ...]:
    done = planned_experiments(recipe)
    models = [(model.name, False, set(model.experiments or done)) for model in recipe.model]
    peers = [(name, True, set[str](recipe.peers.taken_by(name))) for name in recipe.peers.names]
    return tuple(
        Contender(name, peer, tuple(experiment for experiment in done if experiment in wanted))
        for name, peer, wanted in (*models, *peers)
    )


def open_samples(data: DataSettings) -> tuple[Sample, ...]:
    """All samples of a data set; errors as for :func:`~promptseg.data.sources.open_source`."""
    kind = detect_source(data.path) if data.source == "auto" else data.source
    return open_source(kind, data.path, **data.options)


def named_samples(samples: Sequence[Sample]) -> dict[str, Sample]:
    """The samples of a data set by the names that images have in results.

    That is the sample's own, or where the samples are of several data sets DATASET/NAME.
    """
    several = len({sample.dataset for sample in samples}) > 1
    return {f"{sample.dataset}/{sample.name}" if several else sample.name: sample for sample in samples}


def _studied(data: DataSettings, split: Split | None, samples: Sequence[Sample], seed: int) -> tuple[Sample, ...]:
    """The images that are studied; each label that the recipe names is found in one of them at least."""
    if split is not None:
        learned = ({*data.train, "validation"} & set(split.parts)) - set(data.parts)
        check_no_leak(split, train=learned, test=data.parts, samples=samples)
        wanted = {id(sample) for part in data.parts for sample in split.part(part, samples)}
        samples = tuple(sample for sample in samples if id(sample) in wanted)
    missing, labels = set(data.labels), set[str]()
    for sample in samples:
        found = {item.label for item in sample.read_objects()}
        labels |= found
        missing -= found
        if labels and not missing:
            return _drawn(samples, data, data.limit, seed, "limit")
    if missing:
        raise DatasetError(
            f"data.{data.name}.labels: no studied image has the label {', '.join(map(repr, sorted(missing)))}; there "
            f"are {', '.join(sorted(labels)) or 'none'}"
        )
    raise DatasetError(f"data.{data.name}: none of the {len(samples)} images has an object")


def _drawn(samples: Sequence[Sample], data: DataSettings, limit: int, seed: int, purpose: str) -> tuple[Sample, ...]:
    """So many images that have objects, drawn at random, in the order of the data set; all for 0."""
    if not limit:
        return tuple(samples)
    chosen: list[int] = []
    for place in _rng(seed, data.name, purpose).permutation(len(samples)).tolist():
        if len(chosen) == limit:
            break
        if studied_objects(samples[place], data, seed=seed):
            chosen.append(place)
    return tuple(samples[place] for place in sorted(chosen))


def _images(
    samples: Sequence[Sample],
    data: DataSettings,
    split: Split | None,
    recipe: StudyRecipe,
    *,
    names: Mapping[int, str],
    first: int,
) -> Iterator[StudiedImage]:
    settings = recipe.experiments.everything
    everything: set[int] = set()
    if settings is not None:
        drawn = _drawn(samples, data, settings.limit, recipe.seed, "everything")
        everything = {id(sample) for sample in drawn}
    for number, sample in enumerate(samples, first):
        group = f"{data.name}:{sample.subject or names[id(sample)]}" if split is None else split.group_of(sample)
        yield StudiedImage(number, names[id(sample)], data, sample, group, id(sample) in everything)


def _object_shares(
    data: DataSettings, split: Split | None, samples: Sequence[Sample], seed: int
) -> tuple[dict[tuple[str, str], float], dict[str, str]]:
    """The size that peers learn from the training part for each label, and where they learn nothing, why."""
    learned = [] if split is None else [part for part in data.train if part in split.parts]
    if split is None or not learned:
        why = "there is no training part that tells how large objects are; other peers take a usual size at clicks"
        return {}, {f"disc on {data.name}": why}
    training = [sample for part in learned for sample in split.part(part, samples)]

    def sizes(sample: Sample) -> list[tuple[str, tuple[int, int]]]:
        objects = studied_objects(sample, data, seed=seed)
        return [(item.label, (item.area_px, item.mask.size)) for item in objects]

    by_label: dict[str, list[tuple[int, int]]] = {}
    with ThreadPoolExecutor(READERS) as pool:
        for found in pool.map(sizes, training):
            for label, size in found:
                by_label.setdefault(label, []).append(size)
    shares = {(data.name, label): median_disc_share(found) for label, found in sorted(by_label.items())}
    return shares, {} if shares else {f"disc on {data.name}": "no image of the training part has an object"}


def check_spacings(images: Iterable[StudiedImage]) -> None:
    """Distances are in millimetres where images know their spacing, else in pixels, and never both in a data set.

    Raises:
        StudyError: some images of a data set know it and others do not.
    """
    first: dict[str, tuple[bool, str]] = {}
    for image in images:
        known = image.sample.read_image().spacing_mm is not None
        before, name = first.setdefault(image.data.name, (known, image.key))
        if known != before:
            raise StudyError(
                f"{image.key} and {name}: only one of them knows its spacing in mm; leave out metrics that are "
                "distances, or give all images a spacing"
            )


def _rng(seed: int, *words: str) -> np.random.Generator:
    return np.random.default_rng((seed, *(crc32(word.encode()) for word in words)))


def _digest(value: object) -> str:
    return sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
