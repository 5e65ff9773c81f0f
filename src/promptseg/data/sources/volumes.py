"""Slices of volumes, of which the last few that were read stay in memory."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from promptseg.data.samples import TrueObject
from promptseg.data.sources.references import ObjectRules, objects_of
from promptseg.errors import DatasetError
from promptseg.io import read, read_mask
from promptseg.io.arrays import image_of_array, load_npz
from promptseg.io.files import existing, shown
from promptseg.io.limits import limits_in_force
from promptseg.types import Cine, Image, Volume

__all__ = ["SliceSample", "VolumePair", "labelled_slices", "read_reference", "slice_samples"]


@final
@dataclass(frozen=True)
class VolumePair:
    """A volume and its reference.

    Attributes:
        image: NIfTI file, NPZ file, multi-frame DICOM file, or folder of a DICOM series.
        reference: file of a label map with the same voxels.
        axis: along which slices are taken: 0, 1, 2 of (Z, H, W).
        volume: which volume of a NIfTI file of four dimensions, or None for the only one.
        image_array: name of the array of an NPZ, or "".
        reference_array: the same of the reference.
    """

    image: Path
    reference: Path
    axis: int = 0
    volume: int | None = None
    image_array: str = ""
    reference_array: str = ""


@final
@dataclass(frozen=True)
class SliceSample:
    """One slice of a volume.

    Attributes:
        dataset: name of the data set.
        name: of the volume and the slice.
        stratum: its class, or "".
        subject: the volume, or whom it shows.
        files: where its volume lies.
        index: of the slice along the axis, from 0.
        rules: what is an object.
    """

    dataset: str
    name: str
    stratum: str
    subject: str | None
    files: VolumePair
    index: int
    rules: ObjectRules

    def read_image(self) -> Image:
        """The slice in the depth of its volume."""
        volume = _read_volume(self.files)
        length = volume.voxels.shape[self.files.axis]
        if self.index >= length:
            raise DatasetError(f"{shown(self.files.image)}: has no slice {self.index} any more, only {length}")
        return _slice(volume, self.files.axis, self.index)

    def read_objects(self) -> tuple[TrueObject, ...]:
        """The objects of the slice.

        Raises:
            DatasetError: image and reference have another number of voxels.
            ReadError: a file is damaged.
        """
        labels, shape = read_reference(self.files), _read_volume(self.files).voxels.shape[:3]
        if labels.shape != shape:
            raise DatasetError(
                f"{shown(self.files.reference)}: the label map has shape {labels.shape}, but its volume "
                f"{shown(self.files.image)} {shape}; export one of them again"
            )
        return objects_of(np.take(labels, self.index, axis=self.files.axis), self.rules)


def slice_samples(
    files: VolumePair, *, dataset: str, name: str, subject: str | None, rules: ObjectRules, empty: bool
) -> list[SliceSample]:
    """Slices of a volume that have labels, or all of them if ``empty`` ones are wanted.

    Raises:
        DatasetError: the reference is no volume.
        ReadError: the reference cannot be read.
    """
    indices = labelled_slices(read_reference(files), files.axis, empty=empty)
    width = max(3, len(str(max(indices, default=0))))
    return [SliceSample(dataset, f"{name}_{index:0{width}d}", "", subject, files, index, rules) for index in indices]


def labelled_slices(labels: NDArray[Any], axis: int, *, empty: bool) -> list[int]:
    """Indices along ``axis`` of the slices with any label, or all indices."""
    others = tuple(other for other in range(3) if other != axis)
    labelled = np.any(labels > 0, axis=others)
    return [index for index in range(len(labelled)) if empty or labelled[index]]


def read_reference(files: VolumePair) -> NDArray[Any]:
    """The label map (Z, H, W) of a volume; of one slice (1, H, W).

    Raises:
        ReadError: it cannot be read, or holds no labels.
    """
    return _labels(files.reference, files.reference_array, _stamp(files.reference))


def _read_volume(files: VolumePair) -> Volume:
    return _volume(files.image, files.image_array, files.volume, _stamp(files.image))


def _stamp(path: Path) -> tuple[int, int]:
    """What changes when a file is written anew."""
    found = existing(path).stat()
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=2)
def _volume(path: Path, array: str, volume: int | None, stamp: tuple[int, int]) -> Volume:
    del stamp  # it is part of the cache's key
    if array:
        whole: Image | Volume | Cine = image_of_array(load_npz(path, limits_in_force(None), array)[0], path)
    else:
        whole = read(path) if volume is None else read(path, volume=volume)
    if isinstance(whole, Volume):
        return whole
    if isinstance(whole, Cine):
        return Volume(whole.frames, window=whole.window, source=whole.source)
    valid = None if whole.valid is None else whole.valid[None]
    return Volume(whole.pixels[None], window=whole.window, valid=valid, source=whole.source)


@lru_cache(maxsize=2)
def _labels(path: Path, array: str, stamp: tuple[int, int]) -> NDArray[Any]:
    del stamp  # it is part of the cache's key
    if array:
        labels = load_npz(path, limits_in_force(None), array)[0]
        if labels.dtype.kind not in "bui" or labels.ndim not in (2, 3):
            raise DatasetError(
                f"{shown(path)}: the array {array} must be a label map (D, H, W), got {labels.dtype} {labels.shape}"
            )
    else:
        labels = read_mask(path)
    return labels if labels.ndim == 3 else labels[None]


def _slice(volume: Volume, axis: int, index: int) -> Image:
    if axis == 0:
        return volume[index]
    spacing = None
    if volume.spacing_mm is not None:
        first, second = (size for place, size in enumerate(volume.spacing_mm) if place != axis)
        spacing = (first, second)
    return Image(
        np.ascontiguousarray(np.take(volume.voxels, index, axis=axis)),
        spacing_mm=spacing,
        window=volume.window,
        valid=None if volume.valid is None else np.take(volume.valid, index, axis=axis),
    )
