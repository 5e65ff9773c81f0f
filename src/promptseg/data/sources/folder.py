"""Any folder of pictures and masks that belong together by their names."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, final, get_args

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
from promptseg.errors import DatasetError, ValueRangeError
from promptseg.io.files import existing, shown

__all__ = ["FolderOptions", "MaskFile", "is_folder", "list_folder"]

MaskFile = Literal["image", "label", "object"]
IMAGE_FOLDERS: Final = ("images", "image", "imgs", "img")
MASK_FOLDERS: Final = ("masks", "labels", "mask", "label", "annotations", "gts")
_Masks = dict[str, list[tuple[str, Path]]]


@final
@dataclass(frozen=True)
class FolderOptions:
    """How to read a folder of pictures and masks.

    Attributes:
        dataset: what to call it; the folder's name by default.
        images: the folder of the pictures below the path; "" for ``images`` where there is such a folder, else the
            path itself.
        masks: the same for masks; "" for ``masks`` or ``labels``, else beside the pictures.
        suffix: how the names of masks may end; beside the pictures they must. A number may follow (``_mask_1``).
        mask_file: one mask file holds ``image``: all objects of an image, as mask or label map; ``label``: all of one
            label (``masks/LABEL/NAME.png`` or ``NAME_LABEL.png``); ``object``: one object (``masks/NAME/ANY.png`` or
            ``NAME_mask_1.png``).
        labels: names of the values of label maps; the only or first one is also that of masks with one file an object.
        components: each connected part is an object of its own, such as nuclei.
        smallest_px: objects of fewer pixels are left out.
        subject: a regular expression that finds whom an image shows in its name (first group, or whole match).
        stratum: the same for its class; by default the first folder below the pictures' one, or "".
    """

    dataset: str = ""
    images: str = ""
    masks: str = ""
    suffix: str = "_mask"
    mask_file: MaskFile = "image"
    labels: LabelNames = ()
    components: bool = False
    smallest_px: int = 1
    subject: str = ""
    stratum: str = ""

    def __post_init__(self) -> None:
        if self.mask_file not in get_args(MaskFile):
            raise ValueRangeError(f"mask_file must be one of {', '.join(get_args(MaskFile))}, got {self.mask_file!r}")
        check_pattern(self.subject, "subject")
        check_pattern(self.stratum, "stratum")
        self.rules()

    def rules(self) -> ObjectRules:
        """What is an object of a mask file."""
        return object_rules(self.labels, components=self.components, smallest_px=self.smallest_px)


def is_folder(path: Path) -> bool:
    """Whether pictures lie in ``images`` and masks in ``masks`` or ``labels``, or beside each other as ``_mask``."""
    if not path.is_dir():
        return False
    images, masks = subfolder(path, IMAGE_FOLDERS), subfolder(path, MASK_FOLDERS)
    if images is not None and masks is not None:
        return bool(files_by_name(images)[0] and files_by_name(masks)[0])
    return any(name.endswith("_mask") for name in files_by_name(path)[0])


def list_folder(path: Path, options: FolderOptions) -> Listing:
    """Every picture with its masks.

    Raises:
        DatasetError: a folder that is named does not exist, or nothing in them belongs together.
        ReadError: they cannot be read.
    """
    root = existing(path)
    image_folder = _place(root, options.images, IMAGE_FOLDERS) or root
    mask_folder = _place(root, options.masks, MASK_FOLDERS) or image_folder
    images, problems = files_by_name(image_folder)
    if mask_folder == image_folder:
        if not options.suffix:
            raise DatasetError(f"{shown(root)}: masks lie beside the pictures, so suffix must say how their names end")
        files = {name: path for name, path in images.items() if _is_mask(name, options.suffix)}
        images = {name: path for name, path in images.items() if name not in files}
    else:
        files, more = files_by_name(mask_folder)
        problems += more
    masks, orphans = _owned(files, images, options)
    problems += _incomplete(images, masks, orphans, image_folder, mask_folder)
    pairs = {name: (path, masks[name]) for name, path in images.items() if name in masks}
    samples, more = _samples(root, pairs, options)
    return whole_listing(samples, [*problems, *more], root)


def _samples(
    root: Path, pairs: dict[str, tuple[Path, list[tuple[str, Path]]]], options: FolderOptions
) -> tuple[list[PictureSample], list[str]]:
    rules = options.rules()
    samples, unnamed = [], []
    for name, (path, masks) in pairs.items():
        subject = found_by(options.subject, name) if options.subject else None
        if options.subject and not subject:
            unnamed.append(name)
        stratum = found_by(options.stratum, name) if options.stratum else name.rpartition("/")[0].partition("/")[0]
        samples.append(
            PictureSample(
                dataset=options.dataset or root.resolve().name,
                name=name,
                stratum=stratum or "",
                subject=subject,
                image=path,
                masks=tuple(masks),
                united=options.mask_file != "object",
                rules=rules,
            )
        )
    problems = []
    if unnamed:
        problems.append(f"subject: {options.subject!r} finds nothing in {len(unnamed)} names: {listed(unnamed)}")
    return samples, problems


def _owned(files: dict[str, Path], images: dict[str, Path], options: FolderOptions) -> tuple[_Masks, list[str]]:
    """The masks of each image with their labels, and the names of masks that belong to none."""
    owner = {"image": _owner_of_whole, "label": _owner_of_label, "object": _owner_of_object}[options.mask_file]
    masks: _Masks = {}
    orphans = []
    for name, path in files.items():
        image, label = owner(name, images, options)
        if image is None:
            orphans.append(name)
        else:
            masks.setdefault(image, []).append((label, path))
    return masks, orphans


def _owner_of_whole(name: str, images: Collection[str], options: FolderOptions) -> tuple[str | None, str]:
    if name in images:
        return name, ""
    bare = _bare(name, options.suffix)
    return (bare if bare in images else None), ""


def _owner_of_label(name: str, images: Collection[str], options: FolderOptions) -> tuple[str | None, str]:
    """``LABEL/NAME`` or ``NAME_LABEL`` or ``NAME_mask_LABEL``; of several images that fit, that of the longest name."""
    label, _, rest = name.partition("/")
    for candidate in (rest, _bare(rest, options.suffix)):
        if candidate in images:
            return candidate, label
    for place in range(len(name) - 1, 0, -1):
        label = name[place:].removeprefix(options.suffix).removeprefix("_")
        if name[place] == "_" and name[:place] in images and label:
            return name[:place], label
    return None, ""


def _owner_of_object(name: str, images: Collection[str], options: FolderOptions) -> tuple[str | None, str]:
    label = options.rules().names[0][1] if options.labels else "1"
    for candidate in (name, _bare(name, options.suffix), name.rpartition("/")[0], re.sub(r"_\d+$", "", name)):
        if candidate in images:
            return candidate, label
    return None, ""


def _bare(name: str, suffix: str) -> str:
    return re.sub(rf"{re.escape(suffix)}(_\d+)?$", "", name) if suffix else name


def _is_mask(name: str, suffix: str) -> bool:
    """Whether a name ends as masks beside their pictures do; with one file a label the label may follow the suffix."""
    return bool(suffix) and re.search(rf"{re.escape(suffix)}(_\w+)?$", name) is not None


def _incomplete(
    images: dict[str, Path], masks: _Masks, orphans: list[str], image_folder: Path, mask_folder: Path
) -> list[str]:
    problems = []
    bare = [name for name in images if name not in masks]
    if bare:
        problems.append(f"{shown(image_folder)}: {len(bare)} images have no mask in {mask_folder.name}: {listed(bare)}")
    if orphans:
        problems.append(f"{shown(mask_folder)}: {len(orphans)} masks belong to no image: {listed(orphans)}")
    return problems


def _place(root: Path, chosen: str, usual: tuple[str, ...]) -> Path | None:
    if not chosen:
        return subfolder(root, usual)
    if not (root / chosen).is_dir():
        raise DatasetError(f"{shown(root / chosen)}: is no folder; it was named as an option of the data set")
    return root / chosen
