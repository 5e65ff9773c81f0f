"""Data sets as they are distributed, one file each; each gives the same kind of samples."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, final

from promptseg.data.samples import Sample
from promptseg.data.sources.busi import BusiOptions, is_busi, list_busi
from promptseg.data.sources.coco import CocoOptions, is_coco, list_coco
from promptseg.data.sources.dicom import DicomOptions, is_dicom, list_dicom
from promptseg.data.sources.folder import FolderOptions, is_folder, list_folder
from promptseg.data.sources.joined import JoinedOptions, is_joined, list_joined
from promptseg.data.sources.listing import Listing
from promptseg.data.sources.medsam import MedsamOptions, is_medsam, list_medsam
from promptseg.data.sources.nifti import NiftiOptions, is_nifti, list_nifti
from promptseg.data.sources.usgra import UsgraOptions, is_usgra, list_usgra
from promptseg.errors import DatasetError, UnknownNameError, ValueRangeError
from promptseg.io.files import existing, shown

__all__ = ["SOURCES", "Source", "detect_source", "list_source", "open_source", "source_options"]


@final
@dataclass(frozen=True)
class Source:
    """One kind of data set.

    Attributes:
        options: a frozen dataclass of what can be chosen, with a default for everything.
        listing: what a path and such options hold.
        fits: whether a path looks like this kind.
        layout: what it looks for, in words.
    """

    options: type[Any]
    listing: Callable[[Path, Any], Listing]
    fits: Callable[[Path], bool]
    layout: str

    def __call__(self, path: str | os.PathLike[str], **options: object) -> tuple[Sample, ...]:
        """Every sample below a path; see :func:`open_source`."""
        return _complete(self.listing(existing(path), _built(self.options, options)))


def _list_joined(path: Path, options: JoinedOptions) -> Listing:
    return list_joined(path, options, lister=_list_one)


def _list_one(kind: str, path: Path, options: Mapping[str, Any]) -> Listing:
    found = detect_source(path) if kind == "auto" else kind
    if found == "joined":
        raise DatasetError(f"{shown(path)}: is a list of data sets itself; name its sets in the first list")
    return list_source(found, path, **options)


SOURCES: Final[dict[str, Source]] = {
    "busi": Source(BusiOptions, list_busi, is_busi, "benign/, malignant/, normal/ with NAME.png and NAME_mask.png"),
    "usgra": Source(UsgraOptions, list_usgra, is_usgra, "a folder called usgra... with images/ and masks/"),
    "folder": Source(FolderOptions, list_folder, is_folder, "pictures in images/ and masks/ or labels/, or NAME_mask"),
    "coco": Source(CocoOptions, list_coco, is_coco, "one JSON file with images, annotations and categories"),
    "nifti": Source(
        NiftiOptions, list_nifti, is_nifti, "NIfTI files in images/ and labels/, or imagesTr/ and labelsTr/"
    ),
    "dicom": Source(DicomOptions, list_dicom, is_dicom, "DICOM files in dicom/ or images/, and masks/"),
    "medsam": Source(MedsamOptions, list_medsam, is_medsam, "NPZ with imgs and gts, or npy_imgs/ and npy_gts/"),
    "joined": Source(JoinedOptions, _list_joined, is_joined, "a file in TOML with a [[set]] for each data set"),
}
"""Every kind of data set that can be read."""

_SPECIAL: Final = ("busi", "usgra")
"""Kinds that are also of the general kind ``folder``; they win where both fit."""

_PROBLEMS_SHOWN: Final = 3


def open_source(kind: str, path: str | os.PathLike[str], **options: object) -> tuple[Sample, ...]:
    """Every sample of a data set, in natural order of their names.

    Args:
        kind: a key of :data:`SOURCES`.
        path: where the data set lies.
        options: the fields of the kind's options, such as ``labels`` or ``subject`` of ``folder``.

    Raises:
        DatasetError: the layout is not that of the kind, an image lacks its mask, or a mask its image.
        ReadError: something cannot be read.
        UnknownNameError: there is no such kind.
        ValueRangeError: there is no such option, or its value is not usable.
    """
    return _complete(list_source(kind, path, **options))


def list_source(kind: str, path: str | os.PathLike[str], **options: object) -> Listing:
    """As :func:`open_source`, but what is wrong with the data set stands in ``problems`` of what is returned."""
    return _source(kind).listing(existing(path), source_options(kind, **options))


def source_options(kind: str, **options: object) -> object:
    """The options of a kind as a checked value.

    Raises:
        UnknownNameError: there is no such kind.
        ValueRangeError: there is no such option, or its value is not usable.
    """
    return _built(_source(kind).options, options)


def detect_source(path: str | os.PathLike[str]) -> str:
    """The kind of data set at a path, by its layout.

    Raises:
        DatasetError: no kind fits, or several do.
        ReadError: the path cannot be read.
    """
    place = existing(path)
    found = [kind for kind, source in SOURCES.items() if source.fits(place)]
    special = [kind for kind in found if kind in _SPECIAL]
    if len(special) == 1 and set(found) <= {*special, "folder"}:
        found = special
    if len(found) == 1:
        return found[0]
    if found:
        raise DatasetError(f"{shown(place)}: may be of the kinds {', '.join(found)}; say which")
    looked = "; ".join(f"{kind}: {source.layout}" for kind, source in SOURCES.items())
    raise DatasetError(f"{shown(place)}: is no data set of a known kind; say the kind. Looked for {looked}")


def _source(kind: str) -> Source:
    if kind not in SOURCES:
        raise UnknownNameError(f"the kind of a data set must be one of {', '.join(SOURCES)}; got {kind!r}")
    return SOURCES[kind]


def _built(kind: type[Any], options: dict[str, object]) -> object:
    known = {field.name: field.default for field in fields(kind)}
    unknown = [name for name in options if name not in known]
    if unknown:
        raise ValueRangeError(f"{', '.join(unknown)}: no such option of this data set; there are {', '.join(known)}")
    for name, value in options.items():
        if isinstance(known[name], bool | str) and type(value) is not type(known[name]):
            wanted = "true or false" if isinstance(known[name], bool) else "text"
            raise ValueRangeError(f"{name} must be {wanted}, got {value!r}")
    return kind(**options)


def _complete(listing: Listing) -> tuple[Sample, ...]:
    if listing.problems:
        more = len(listing.problems) - _PROBLEMS_SHOWN
        shown_problems = "; ".join(listing.problems[:_PROBLEMS_SHOWN])
        raise DatasetError(
            f"{shown_problems}{f'; and {more} more' if more > 0 else ''} (promptseg data check lists everything)"
        )
    return listing.samples
