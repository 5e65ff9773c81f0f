"""A tiny data set of each kind, written as it is distributed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import dicom_files
import nibabel
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from random_masks import disc

from promptseg.io.run_lengths import encode_mask
from promptseg.types import BoolMask

SHAPE: Final = 40, 56


def picture(seed: int, *, shape: tuple[int, int] = SHAPE) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save(pixels: NDArray[np.uint8] | BoolMask, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Picture.fromarray(pixels).save(path)
    return path


def label_map(seed: int) -> NDArray[np.uint8]:
    labels = np.zeros(SHAPE, np.uint8)
    labels[disc(SHAPE, (12, 14 + seed), 6)] = 1
    labels[disc(SHAPE, (28, 40 - seed), 5)] = 2
    return labels


def busi(root: Path) -> Path:
    """Benign 1 has three masks that touch nothing, benign 2 an RGBA mask, malignant 1 a mask of one bit."""
    top = root / "Dataset_BUSI_with_GT"
    for index, (stratum, number) in enumerate((("benign", 1), ("benign", 2), ("malignant", 1), ("normal", 1))):
        save(np.stack([picture(index)] * 3, axis=-1), top / stratum / f"{stratum} ({number}).png")
    for part in range(3):
        ending = f"_{part}" if part else ""
        save(disc(SHAPE, (10, 10 + 14 * part), 5), top / "benign" / f"benign (1)_mask{ending}.png")
    rgba = np.zeros((*SHAPE, 4), np.uint8)
    rgba[..., 3] = 255
    rgba[disc(SHAPE, (20, 20), 8)] = 255
    save(rgba, top / "benign" / "benign (2)_mask.png")
    save(disc(SHAPE, (20, 30), 9), top / "malignant" / "malignant (1)_mask.png")
    save(np.zeros((*SHAPE, 3), np.uint8), top / "normal" / "normal (1)_mask.png")
    return root


def pictures(root: Path) -> Path:
    for number in range(4):
        save(picture(number), root / "images" / f"p{number // 2}_{number}.png")
        save(label_map(number), root / "masks" / f"p{number // 2}_{number}.png")
    return root


def usgra(root: Path) -> Path:
    return pictures(root / "usgra")


def coco(root: Path) -> Path:
    """Image a: a rectangle as polygon and a disc as compressed run lengths; image b: plain run lengths, and a crowd."""
    save(picture(0), root / "images" / "a.png")
    save(picture(1), root / "images" / "b.png")
    size = list(SHAPE)
    rectangle = [[10, 5, 30, 5, 30, 15, 10, 15]]
    round_one = {"size": size, "counts": encode_mask(disc(SHAPE, (30, 30), 6))}
    plain = {"size": size, "counts": [5, 10, SHAPE[0] * SHAPE[1] - 15]}
    document = {
        "images": [
            {"id": 7, "file_name": "a.png", "height": size[0], "width": size[1]},
            {"id": 8, "file_name": "b.png", "height": size[0], "width": size[1]},
        ],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 3, "segmentation": rectangle, "iscrowd": 0},
            {"id": 2, "image_id": 7, "category_id": 4, "segmentation": round_one, "iscrowd": 0},
            {"id": 3, "image_id": 8, "category_id": 3, "segmentation": plain},
            {"id": 4, "image_id": 8, "category_id": 3, "segmentation": plain, "iscrowd": 1},
        ],
        "categories": [{"id": 3, "name": "nerve"}, {"id": 4, "name": "vessel"}],
    }
    (root / "all.json").write_text(json.dumps(document), encoding="utf-8")
    return root


def labelled_volume(seed: int) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """(Z, H, W) voxels and labels, of which the first and the last slice are empty."""
    voxels = np.random.default_rng(seed).integers(-100, 300, (4, *SHAPE)).astype(np.int16)
    labels = np.stack([np.zeros(SHAPE, np.uint8), label_map(seed), label_map(seed + 1), np.zeros(SHAPE, np.uint8)])
    return voxels, labels


def save_nifti(voxels: NDArray[np.int16] | NDArray[np.uint8], path: Path, *, shift_mm: float = 0.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    affine = np.diag([0.5, 0.5, 2.0, 1.0])
    affine[0, 3] = shift_mm
    nibabel.Nifti1Image(voxels.transpose(), affine).to_filename(path)
    return path


def nifti(root: Path) -> Path:
    for number in range(2):
        voxels, labels = labelled_volume(number)
        save_nifti(voxels, root / "imagesTr" / f"case_{number}.nii.gz")
        save_nifti(labels, root / "labelsTr" / f"case_{number}.nii.gz")
    return root


def dicom(root: Path) -> Path:
    """Patient A has two slices with masks and one without; patient B a series with a label map."""
    for patient in "AB":
        (root / "dicom" / patient).mkdir(parents=True)
    for number in range(3):
        dicom_files.slice_at(root / "dicom" / "A" / f"{number}.dcm", number, picture(number).astype(np.uint16))
        if number:
            save(label_map(number), root / "masks" / "A" / f"{number}.png")
    voxels, labels = labelled_volume(3)
    for place, pixels in enumerate(voxels):
        dicom_files.slice_at(root / "dicom" / "B" / f"{9 - place}.dcm", 2.0 * place, (pixels + 100).astype(np.uint16))
    np.savez(root / "masks" / "B.npz", mask=labels)
    return root


def medsam(root: Path) -> Path:
    for number in range(2):
        voxels, labels = labelled_volume(number)
        images = ((voxels + 100) // 2).astype(np.uint8)
        np.savez(root / f"CT_{number}.npz", imgs=images, gts=labels, spacing=np.ones(3))
    return root


def medsam_arrays(root: Path) -> Path:
    for folder in ("npy_imgs", "npy_gts"):
        (root / folder).mkdir(parents=True)
    for number in range(2):
        colours = np.repeat(picture(number)[..., None], 3, axis=-1) / 255.0
        np.save(root / "npy_imgs" / f"CT_a-{number:03d}.npy", colours)
        np.save(root / "npy_gts" / f"CT_a-{number:03d}.npy", label_map(number))
    return root


def joined(root: Path) -> Path:
    """Pictures with masks, and COCO, each below the file that names them."""
    pictures(root / "pictures")
    (root / "coco").mkdir()
    coco(root / "coco")
    path = root / "sets.toml"
    path.write_text(JOINED, encoding="utf-8")
    return path


JOINED: Final = """
[[set]]
path = "pictures"
source = "folder"
name = "ours"
options = { labels = ["nerve", "vessel"], components = true }

[[set]]
path = "coco"
"""


BUILDERS: Final[dict[str, tuple[str, Callable[[Path], Path]]]] = {
    "busi": ("busi", busi),
    "usgra": ("usgra", usgra),
    "folder": ("folder", pictures),
    "coco": ("coco", coco),
    "nifti": ("nifti", nifti),
    "dicom": ("dicom", dicom),
    "medsam": ("medsam", medsam),
    "medsam as arrays": ("medsam", medsam_arrays),
    "joined": ("joined", joined),
}
"""For each layout its kind and the function that writes it."""
