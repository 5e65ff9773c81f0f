"""A look at a whole data set before anything is trained on it: what is there, and what is wrong with it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, final

import numpy as np

from promptseg.data.grouping import cross_stratum, group_names
from promptseg.data.near_duplicates import (
    DuplicateRules,
    Fingerprint,
    NearDuplicate,
    fingerprint,
    in_threads,
    near_duplicates,
)
from promptseg.data.samples import Sample
from promptseg.data.sources.listing import Listing
from promptseg.errors import DatasetError, PromptsegError
from promptseg.io.files import decoder_errors, one_line, shown
from promptseg.types import Image

__all__ = ["Finding", "LabelFacts", "Report", "check_samples"]

Severity = Literal["error", "warning", "note"]
_TINY_PX: Final = 16
_LARGE: Final = 0.9
_BIG_GROUP: Final = 0.1
_SAME: Final = 0.9999
_COLOUR_STEP: Final = 40
_LEAST_COLOURED_PX: Final = 20
_MOST_COLOURED: Final = 0.05


@final
@dataclass(frozen=True)
class Finding:
    """Something to know about a data set.

    Attributes:
        severity: an ``error`` would stop a training or falsify it; a ``warning`` is worth a look; a ``note`` is not.
        what: in words.
        names: the images concerned; empty where the words say it all.
    """

    severity: Severity
    what: str
    names: tuple[str, ...] = ()


@final
@dataclass(frozen=True)
class LabelFacts:
    """One label of a data set.

    Attributes:
        images: with at least one object of it.
        objects: of it in all images.
        areas_px: smallest, median and largest object.
    """

    images: int
    objects: int
    areas_px: tuple[int, int, int]


@final
@dataclass(frozen=True)
class Report:
    """What was found.

    Attributes:
        images: how many there are.
        unreadable: how many of them, or of their masks, cannot be read.
        empty: how many have no object.
        strata: images of each stratum.
        subjects: how many there are, or None where the data set does not say.
        sizes: images of each (height, width).
        pixels: images of each kind of pixel, such as ``uint8 colour``.
        labels: facts of each label.
        groups: near-duplicates, but for those of one subject: the names in each group, the largest group first.
        findings: errors first.
    """

    images: int
    unreadable: int
    empty: int
    strata: dict[str, int]
    subjects: int | None
    sizes: dict[tuple[int, int], int]
    pixels: dict[str, int]
    labels: dict[str, LabelFacts]
    groups: tuple[tuple[str, ...], ...]
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Whether there is no error."""
        return not any(finding.severity == "error" for finding in self.findings)


@final
@dataclass(frozen=True, eq=False)
class _Look:
    """One image after a look at it; with ``error`` the rest may be missing."""

    size: tuple[int, int] | None = None
    pixels: str = ""
    objects: tuple[tuple[str, int], ...] = ()
    marks_px: int = 0
    print: Fingerprint | None = None
    error: str = ""


def check_samples(
    listing: Listing, *, rules: DuplicateRules | None = None, advance: Callable[[], None] = lambda: None
) -> Report:
    """Read every image and every mask of a data set, by several threads, and never stop at a bad one.

    Args:
        listing: the data set.
        rules: when images count as near-duplicates; None not to look for them.
        advance: called after each image, for a progress bar.
    """
    looks = []
    for look in in_threads(lambda sample: _look(sample, prints=rules is not None), listing.samples):
        looks.append(look)
        advance()
    names = [sample.name for sample in listing.samples]
    pairs, doubts = _pairs(listing.samples, looks, rules)
    groups = _groups(listing.samples, pairs)
    findings = [
        *(Finding("error", problem) for problem in listing.problems),
        *_of_files(names, looks),
        *_of_masks(listing.samples, looks),
        *_of_groups(listing.samples, pairs, groups),
        *(Finding("warning", doubt) for doubt in doubts),
        *(Finding("note", f"left out: {note}") for note in listing.notes),
    ]
    subjects = {(sample.dataset, sample.subject) for sample in listing.samples if sample.subject is not None}
    return Report(
        images=len(names),
        unreadable=sum(bool(look.error) for look in looks),
        empty=sum(not look.objects and not look.error for look in looks),
        strata=dict(Counter(sample.stratum for sample in listing.samples)),
        subjects=len(subjects) or None,
        sizes=dict(Counter(look.size for look in looks if look.size is not None).most_common()),
        pixels=dict(Counter(look.pixels for look in looks if look.pixels).most_common()),
        labels=_labels(looks),
        groups=tuple(tuple(names[index] for index in members) for members in groups),
        findings=tuple(sorted(findings, key=lambda finding: ("error", "warning", "note").index(finding.severity))),
    )


def _look(sample: Sample, *, prints: bool) -> _Look:
    try:
        image = sample.read_image()
        print_ = fingerprint(image) if prints else None
    except _unreadable() as error:
        return _Look(error=_words(error))
    kind = f"{image.pixels.dtype} {'colour' if image.pixels.ndim == 3 else 'grey'}"
    try:
        objects = sample.read_objects()
        other = next((item.mask.shape for item in objects if item.mask.shape != image.size), None)
        if other is not None:
            raise DatasetError(f"{shown(sample.name)}: an object has shape {other}, its image {image.size}")
    except _unreadable() as error:
        return _Look(image.size, kind, print=print_, error=_words(error))
    areas = tuple((item.label, int(np.count_nonzero(item.mask))) for item in objects)
    return _Look(image.size, kind, areas, _marks_px(image), print_)


def _unreadable() -> tuple[type[Exception], ...]:
    """Whatever reading one bad file may raise."""
    return PromptsegError, MemoryError, *decoder_errors()


def _words(error: BaseException) -> str:
    return " ".join(str(error).split()) if isinstance(error, PromptsegError) else one_line(error)


def _marks_px(image: Image) -> int:
    """Coloured pixels of a picture that is grey but for them, such as marks of a device; else 0."""
    pixels = image.pixels
    if pixels.ndim != 3 or pixels.dtype != np.uint8:
        return 0
    red, green, blue = (pixels[..., channel] for channel in range(3))
    spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    count = int(np.count_nonzero(spread > _COLOUR_STEP))
    return count if _LEAST_COLOURED_PX <= count <= _MOST_COLOURED * spread.size else 0


def _pairs(
    samples: Sequence[Sample], looks: Sequence[_Look], rules: DuplicateRules | None
) -> tuple[list[NearDuplicate], list[str]]:
    """Near-duplicates among the images that could be read, by their indices among all; and why there are none.

    Images of one subject belong together anyway, so that they are alike is no news.
    """
    if rules is None:
        return [], []
    readable = [(index, look.print) for index, look in enumerate(looks) if look.print is not None]
    try:
        found = near_duplicates([one for _, one in readable], rules)
    except DatasetError as error:
        return [], [str(error)]
    pairs = (
        NearDuplicate(readable[pair.first][0], readable[pair.second][0], pair.ncc, pair.hash_bits) for pair in found
    )
    return [pair for pair in pairs if not _are_one(samples[pair.first], samples[pair.second])], []


def _groups(samples: Sequence[Sample], pairs: Sequence[NearDuplicate]) -> list[list[int]]:
    members: dict[str, list[int]] = defaultdict(list)
    for index, group in enumerate(group_names(samples, ((pair.first, pair.second) for pair in pairs))):
        members[group].append(index)
    return sorted((indices for indices in members.values() if len(indices) > 1), key=lambda indices: -len(indices))


def _of_files(names: Sequence[str], looks: Sequence[_Look]) -> list[Finding]:
    findings = [Finding("error", look.error, (name,)) for name, look in zip(names, looks, strict=True) if look.error]
    marked = tuple(name for name, look in zip(names, looks, strict=True) if look.marks_px)
    if marked:
        findings.append(Finding("warning", "coloured marks are burned into grey pictures", marked))
    return findings


def _of_masks(samples: Sequence[Sample], looks: Sequence[_Look]) -> list[Finding]:
    read = [(sample, look) for sample, look in zip(samples, looks, strict=True) if not look.error]
    filled = {sample.stratum for sample, look in read if look.objects}
    findings = []
    if read and not filled:
        findings.append(Finding("error", "no image has an object"))
    kinds: tuple[tuple[str, Callable[[Sample, _Look], bool]], ...] = (
        ("no object, although others of their class have", lambda s, look: s.stratum in filled and not look.objects),
        (f"objects of fewer than {_TINY_PX} pixels", lambda _, look: any(area < _TINY_PX for _, area in look.objects)),
        (f"objects over more than {_LARGE:.0%} of the picture", lambda _, look: _largest(look) > _LARGE),
    )
    for what, holds in kinds:
        names = tuple(sample.name for sample, look in read if holds(sample, look))
        if names:
            findings.append(Finding("warning", what, names))
    return findings


def _largest(look: _Look) -> float:
    height, width = look.size or (1, 1)
    return max((area for _, area in look.objects), default=0) / (height * width)


def _of_groups(
    samples: Sequence[Sample], pairs: Sequence[NearDuplicate], groups: Sequence[Sequence[int]]
) -> list[Finding]:
    if not groups:
        return []
    findings = []
    count = sum(map(len, groups))
    same = {index for pair in pairs if pair.ncc > _SAME and pair.hash_bits == 0 for index in (pair.first, pair.second)}
    what = f"{len(groups)} groups of near-duplicates, {count - len(groups)} images too many ({len(same)} are identical)"
    findings.append(Finding("warning", what, tuple(samples[index].name for group in groups for index in group)))
    group_of = {index: str(number) for number, group in enumerate(groups) for index in group}
    mixed = cross_stratum(list(group_of.values()), [samples[index].stratum for index in group_of])
    if mixed:
        names = tuple(samples[index].name for index, group in group_of.items() if group in mixed)
        findings.append(Finding("warning", f"{len(mixed)} groups of near-duplicates of several classes", names))
    across = [pair for pair in pairs if _are_two(samples[pair.first], samples[pair.second])]
    if across:
        names = tuple(dict.fromkeys(samples[index].name for pair in across for index in (pair.first, pair.second)))
        findings.append(Finding("warning", f"{len(across)} pairs of near-duplicates of different subjects", names))
    if len(groups[0]) > max(_BIG_GROUP * len(samples), 2):
        findings.append(
            Finding(
                "warning",
                f"the largest group of near-duplicates holds {len(groups[0])} of {len(samples)} images; where all "
                "images look alike by nature, ask for more with --ncc 0.98 --hash-bits 2, or go by subjects",
            )
        )
    return findings


def _are_one(one: Sample, other: Sample) -> bool:
    return one.subject is not None and (one.dataset, one.subject) == (other.dataset, other.subject)


def _are_two(one: Sample, other: Sample) -> bool:
    return one.subject is not None and other.subject is not None and one.subject != other.subject


def _labels(looks: Sequence[_Look]) -> dict[str, LabelFacts]:
    areas: dict[str, list[int]] = defaultdict(list)
    images: Counter[str] = Counter()
    for look in looks:
        images.update({label for label, _ in look.objects})
        for label, area in look.objects:
            areas[label].append(area)
    return {
        label: LabelFacts(images[label], len(found), (min(found), int(np.median(found)), max(found)))
        for label, found in sorted(areas.items())
    }
