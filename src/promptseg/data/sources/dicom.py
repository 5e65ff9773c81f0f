"""DICOM slices, series and cines with masks in files of the same names."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

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
from promptseg.data.sources.references import LabelNames, ObjectRules, PictureSample, object_rules
from promptseg.data.sources.volumes import SliceSample, VolumePair, slice_samples
from promptseg.errors import DatasetError, ReadError
from promptseg.io.files import existing, shown

__all__ = ["DicomOptions", "is_dicom", "list_dicom"]

IMAGE_FOLDERS: Final = ("dicom", "images")
MASK_FOLDERS: Final = ("masks", "labels")
_DICOM: Final = (".dcm", ".dicom", ".ima", "")
"""Files of many archives have no ending at all."""

_VOLUMES: Final = (".nii.gz", ".nii", ".npz", ".npy")
_PICTURES: Final = (".png", ".bmp", ".tif", ".tiff", ".dcm", ".json")


@final
@dataclass(frozen=True)
class DicomOptions:
    """How to read DICOM with masks.

    Attributes:
        dataset: what to call it; the folder's name by default.
        images: folder of the DICOM files; by default ``dicom`` or ``images``.
        masks: folder of the masks; by default ``masks`` or ``labels``.
        empty: also the slices of a volume's label map without a label.
        labels: names of the values of label maps.
        components: each connected part is an object of its own.
        smallest_px: objects of fewer pixels are left out.
        subject: a regular expression that finds whom a picture shows in its name; by default the first folder.
    """

    dataset: str = ""
    images: str = ""
    masks: str = ""
    empty: bool = False
    labels: LabelNames = ()
    components: bool = False
    smallest_px: int = 1
    subject: str = ""

    def __post_init__(self) -> None:
        check_pattern(self.subject, "subject")
        self.rules()

    def rules(self) -> ObjectRules:
        """What is an object of a mask."""
        return object_rules(self.labels, components=self.components, smallest_px=self.smallest_px)


def is_dicom(path: Path) -> bool:
    """Whether there is a folder ``dicom`` with ``masks`` or ``labels``, or ``images`` holds files ``.dcm``."""
    images, masks = subfolder(path, IMAGE_FOLDERS), subfolder(path, MASK_FOLDERS)
    if images is None or masks is None:
        return False
    return images.name == "dicom" or bool(files_by_name(images, (".dcm",))[0])


def list_dicom(path: Path, options: DicomOptions) -> Listing:
    """Every picture that has a mask: ``dicom/A/B.dcm`` with ``masks/A/B.png``, and volumes.

    A label map (Z, H, W), ``masks/A.nii.gz`` or ``.npz`` or ``.npy``, belongs to the series in the folder ``dicom/A``
    in the order of :func:`~promptseg.io.read` (by place along the normal), or to the file ``dicom/A.dcm`` of several
    frames. Names are those of folders and file joined with ``_``. Pictures without a mask are left out, with a note.

    Raises:
        DatasetError: a folder is not there.
        ReadError: a folder cannot be read.
    """
    root = existing(path)
    image_folder = chosen_folder(root, options.images, IMAGE_FOLDERS)
    mask_folder = chosen_folder(root, options.masks, MASK_FOLDERS)
    images, problems = files_by_name(image_folder, _DICOM)
    pictures, more = files_by_name(mask_folder, _PICTURES)
    volumes, still_more = files_by_name(mask_folder, _VOLUMES)
    problems += [*more, *still_more]
    samples: list[PictureSample | SliceSample] = []
    used: list[str] = []
    orphans: list[str] = []
    for name, mask in [*pictures.items(), *volumes.items()]:
        series = image_folder / name
        if name not in images and not (series.is_dir() and name in volumes):
            orphans.append(name)
            continue
        used += [name] if name in images else [other for other in images if other.startswith(f"{name}/")]
        try:
            samples += _of_mask(root, name, images.get(name, series), mask, options)
        except (DatasetError, ReadError) as error:
            problems.append(str(error))
    if orphans:
        problems.append(f"{shown(mask_folder)}: {len(orphans)} masks belong to no DICOM file: {listed(orphans)}")
    return whole_listing(samples, problems, root, notes=_left_out(images, used))


def _of_mask(
    root: Path, name: str, image: Path, mask: Path, options: DicomOptions
) -> list[PictureSample] | list[SliceSample]:
    flat = name.replace("/", "_")
    first, _, rest = name.partition("/")
    subject = first if rest or image.is_dir() else None
    if options.subject:
        subject = found_by(options.subject, flat)
        if not subject:
            raise DatasetError(f"subject: {options.subject!r} finds nothing in the name {shown(flat)}")
    dataset = options.dataset or root.resolve().name
    if mask.name.lower().endswith(_VOLUMES):
        return slice_samples(
            VolumePair(image, mask),
            dataset=dataset,
            name=flat,
            subject=subject or flat,
            rules=options.rules(),
            empty=options.empty,
        )
    return [PictureSample(dataset, flat, "", subject, image, (("", mask),), rules=options.rules())]


def _left_out(images: Iterable[str], used: Iterable[str]) -> list[str]:
    known = set(used)
    bare = [name for name in images if name not in known]
    return [f"{len(bare)} DICOM files without a mask: {listed(bare)}"] if bare else []
