"""Volumes in NIfTI with label maps, as slices: the layouts of the Medical Segmentation Decathlon and of nnU-Net too."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np

from promptseg.data.numbers import check_whole
from promptseg.data.sources.listing import (
    Listing,
    check_pattern,
    chosen_folder,
    files_by_name,
    found_by,
    listed,
    subfolder,
    whole_listing,
)
from promptseg.data.sources.references import LabelNames, ObjectRules, object_rules
from promptseg.data.sources.volumes import SliceSample, VolumePair, slice_samples
from promptseg.errors import DatasetError, ReadError
from promptseg.io.files import existing, shown
from promptseg.io.nifti import corners_apart_mm, read_nifti_header

__all__ = ["NiftiOptions", "is_nifti", "list_nifti"]

ENDINGS: Final = (".nii.gz", ".nii")
IMAGE_FOLDERS: Final = ("images", "imagesTr")
LABEL_FOLDERS: Final = ("labels", "labelsTr", "masks")
_SAME_PLACE: Final = 0.1
"""Corners may be this part of the smallest voxel side apart: headers are rounded."""


@final
@dataclass(frozen=True)
class NiftiOptions:
    """How to read volumes in NIfTI.

    Attributes:
        dataset: what to call it; the folder's name by default.
        images: folder of the volumes; by default ``images`` or ``imagesTr``.
        masks: folder of the label maps; by default ``labels``, ``labelsTr`` or ``masks``.
        axis: slices are taken along it: 0, 1 or 2 of the voxels (k, j, i) of the file.
        volume: which volume of files of four dimensions (sequences of MRI), from 0; -1 where there is one.
        empty: also the slices without a label.
        labels: names of the values.
        components: each connected part of a slice is an object of its own.
        smallest_px: objects of fewer pixels in a slice are left out.
        subject: a regular expression that finds whom a volume shows in its name; by default each volume is a subject.
    """

    dataset: str = ""
    images: str = ""
    masks: str = ""
    axis: int = 0
    volume: int = -1
    empty: bool = False
    labels: LabelNames = ()
    components: bool = False
    smallest_px: int = 1
    subject: str = ""

    def __post_init__(self) -> None:
        check_whole(self.axis, "axis", least=0, most=2)
        check_whole(self.volume, "volume", least=-1)
        check_pattern(self.subject, "subject")
        self.rules()

    def rules(self) -> ObjectRules:
        """What is an object of a slice."""
        return object_rules(self.labels, components=self.components, smallest_px=self.smallest_px)


def is_nifti(path: Path) -> bool:
    """Whether NIfTI files lie in ``images`` and ``labels``, or ``imagesTr`` and ``labelsTr``."""
    folders = subfolder(path, IMAGE_FOLDERS), subfolder(path, LABEL_FOLDERS)
    return all(folder is not None and bool(files_by_name(folder, ENDINGS)[0]) for folder in folders)


def list_nifti(path: Path, options: NiftiOptions) -> Listing:
    """Every slice with a label of every volume; label maps are read for this, volumes are not.

    Raises:
        DatasetError: a folder is not there.
        ReadError: a folder cannot be read.
    """
    root = existing(path)
    image_folder = chosen_folder(root, options.images, IMAGE_FOLDERS)
    label_folder = chosen_folder(root, options.masks, LABEL_FOLDERS)
    images, problems = files_by_name(image_folder, ENDINGS)
    images.update({name.removesuffix("_0000"): file for name, file in images.items() if name.endswith("_0000")})
    references, more = files_by_name(label_folder, ENDINGS)
    problems += more
    orphans = [name for name in references if name not in images]
    if orphans:
        problems.append(f"{shown(label_folder)}: {len(orphans)} label maps have no volume: {listed(orphans)}")
    files = set(images.values())
    bare = sorted(shown(file.name) for file in files - {images[name] for name in references if name in images})
    notes = [f"{len(bare)} volumes without a label map: {listed(bare)}"] if bare else []
    samples: list[SliceSample] = []
    for name, reference in references.items():
        if name not in images:
            continue
        try:
            samples += _of_volume(root, name, images[name], reference, options)
        except (DatasetError, ReadError) as error:
            problems.append(str(error))
    return whole_listing(samples, problems, root, notes=notes)


def _of_volume(root: Path, name: str, image: Path, reference: Path, options: NiftiOptions) -> list[SliceSample]:
    _check_grids(image, reference)
    subject = found_by(options.subject, name) if options.subject else name
    if not subject:
        raise DatasetError(f"subject: {options.subject!r} finds nothing in the name {shown(name)}")
    return slice_samples(
        VolumePair(image, reference, options.axis, None if options.volume < 0 else options.volume),
        dataset=options.dataset or root.resolve().name,
        name=name,
        subject=subject,
        rules=options.rules(),
        empty=options.empty,
    )


def _check_grids(image: Path, reference: Path) -> None:
    first, second = read_nifti_header(image), read_nifti_header(reference)
    if first.shape[:3] != second.shape[:3]:
        raise DatasetError(
            f"{shown(reference)}: the label map has shape {second.shape}, but its volume {shown(image)} {first.shape}"
        )
    if first.affine is None or second.affine is None or first.spacing_mm is None:
        return
    apart_mm = corners_apart_mm(np.asarray(first.affine), np.asarray(second.affine), first.shape)
    if apart_mm > _SAME_PLACE * min(first.spacing_mm):
        raise DatasetError(
            f"{shown(reference)}: lies up to {apart_mm:.3g} mm beside its volume {shown(image)} (their affines "
            "differ); resample it onto the volume's grid"
        )
