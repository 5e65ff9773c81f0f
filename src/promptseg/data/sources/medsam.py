"""What MedSAM's preprocessing writes: NPZ with ``imgs`` and ``gts``, or the folders ``npy_imgs`` and ``npy_gts``.

Ma et al., Nature Communications 15:654 (2024), doi 10.1038/s41467-024-44824-z.
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from promptseg.data.sources.listing import (
    Listing,
    check_pattern,
    files_by_name,
    found_by,
    listed,
    subfolder,
    whole_listing,
)
from promptseg.data.sources.references import LabelNames, ObjectRules, PictureSample, object_rules
from promptseg.data.sources.volumes import SliceSample, VolumePair, slice_samples
from promptseg.errors import DatasetError, ReadError
from promptseg.io.files import existing, shown

__all__ = ["MedsamOptions", "is_medsam", "list_medsam"]

IMAGE_FOLDERS: Final = ("npy_imgs", "imgs")
MASK_FOLDERS: Final = ("npy_gts", "gts")
_IMAGES: Final = "imgs"
_LABELS: Final = "gts"
_VOLUME_OF: Final = r"^(.+)-[0-9]+$"
"""NPY files are called VOLUME-SLICE."""


@final
@dataclass(frozen=True)
class MedsamOptions:
    """How to read MedSAM's files.

    Attributes:
        dataset: what to call it; the name of the folder or file by default.
        empty: also the slices without a label.
        labels: names of the values.
        components: each connected part is an object of its own, as the paper does with tumours.
        smallest_px: objects of fewer pixels are left out; the paper drops parts below 100 px of 1024 x 1024.
        subject: a regular expression that finds whom a picture shows in its name; by default each volume is a subject.
    """

    dataset: str = ""
    empty: bool = False
    labels: LabelNames = ()
    components: bool = False
    smallest_px: int = 1
    subject: str = ""

    def __post_init__(self) -> None:
        check_pattern(self.subject, "subject")
        self.rules()

    def rules(self) -> ObjectRules:
        """What is an object of a slice."""
        return object_rules(self.labels, components=self.components, smallest_px=self.smallest_px)


def is_medsam(path: Path) -> bool:
    """Whether it is an NPZ with ``imgs`` and ``gts``, a folder of such, or has ``npy_imgs`` and ``npy_gts``."""
    if path.is_file():
        return _has_pairs(path)
    if subfolder(path, IMAGE_FOLDERS) and subfolder(path, MASK_FOLDERS):
        return True
    first = next(iter(sorted(path.glob("*.npz"))), None)
    return first is not None and _has_pairs(first)


def list_medsam(path: Path, options: MedsamOptions) -> Listing:
    """Every slice with a label. Label maps in NPZ are read for this; of NPY files all are listed.

    Raises:
        DatasetError: there is none of both.
        ReadError: a folder cannot be read.
    """
    root = existing(path)
    if root.is_file():
        return _of_archives({root.name.removesuffix(".npz"): root}, [], root, options)
    images, masks = subfolder(root, IMAGE_FOLDERS), subfolder(root, MASK_FOLDERS)
    if images is not None and masks is not None:
        return _of_arrays(root, images, masks, options)
    return _of_archives(*files_by_name(root, (".npz",)), root, options)


def _of_archives(files: dict[str, Path], problems: list[str], root: Path, options: MedsamOptions) -> Listing:
    samples: list[SliceSample] = []
    for name, file in files.items():
        try:
            samples += _of_archive(name, file, root, options)
        except (DatasetError, ReadError) as error:
            problems.append(str(error))
    return whole_listing(samples, problems, root)


def _of_archive(name: str, file: Path, root: Path, options: MedsamOptions) -> list[SliceSample]:
    if not _has_pairs(file):
        raise DatasetError(f"{shown(file)}: is no NPZ with the arrays {_IMAGES} and {_LABELS}, as MedSAM writes them")
    return slice_samples(
        VolumePair(file, file, image_array=_IMAGES, reference_array=_LABELS),
        dataset=options.dataset or root.resolve().name.removesuffix(".npz"),
        name=name,
        subject=_subject(options.subject, name) or name,
        rules=options.rules(),
        empty=options.empty,
    )


def _of_arrays(root: Path, image_folder: Path, mask_folder: Path, options: MedsamOptions) -> Listing:
    images, problems = files_by_name(image_folder, (".npy",))
    masks, more = files_by_name(mask_folder, (".npy",))
    problems += more
    bare, orphans = [name for name in images if name not in masks], [name for name in masks if name not in images]
    if bare:
        problems.append(f"{shown(image_folder)}: {len(bare)} images have no file in {mask_folder.name}: {listed(bare)}")
    if orphans:
        problems.append(f"{shown(mask_folder)}: {len(orphans)} masks belong to no image: {listed(orphans)}")
    samples = []
    for name in images:
        if name not in masks:
            continue
        try:
            subject = _subject(options.subject, name) or found_by(_VOLUME_OF, name)
        except DatasetError as error:
            problems.append(str(error))
            continue
        samples.append(
            PictureSample(
                dataset=options.dataset or root.resolve().name,
                name=name,
                stratum="",
                subject=subject,
                image=images[name],
                masks=(("", masks[name]),),
                rules=options.rules(),
            )
        )
    return whole_listing(samples, problems, root)


def _subject(pattern: str, name: str) -> str | None:
    found = found_by(pattern, name) if pattern else None
    if pattern and not found:
        raise DatasetError(f"subject: {pattern!r} finds nothing in the name {shown(name)}")
    return found


def _has_pairs(path: Path) -> bool:
    """Whether a file is an NPZ with both arrays; its directory is read, no pixels are."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {f"{_IMAGES}.npy", f"{_LABELS}.npy"} <= set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False
