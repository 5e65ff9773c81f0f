"""Where the voxels of a DICOM slice or series lie in the patient."""

from pathlib import Path
from typing import Final

import numpy as np

from promptseg.io.dicom_geometry import Floats, orientation_of, position_of
from promptseg.io.dicom_header import layout_of, read_header
from promptseg.io.files import decoding
from promptseg.io.limits import Limits
from promptseg.types import Image, Volume

__all__ = ["dicom_grid"]

_SAME_PLACE_MM: Final = 1e-3
_NO_LIMITS: Final = Limits(pixels=2**62, frames=2**62, files=2**62, file_bytes=2**62)
"""The image was read before, so its header may be read again whatever its size."""


def dicom_grid(like: Image | Volume) -> tuple[Floats, int] | None:
    """The grid of the series or file that an image or a slice came from.

    The headers of the first and the last slice are read again. A single slice has the third axis along its normal, 1
    mm long. Call it within ``quiet_libraries``.

    Returns:
        (4, 4) from indices (column, row, slice) to millimetres, left, posterior, superior; and the number of slices,
        1 for a frame in time. None where orientation, position or spacing are not known.

    Raises:
        ReadError: a file is no longer there.
    """
    source, spacing = like.source, like.spacing_mm
    if source is None or spacing is None:
        return None
    count = len(like) if isinstance(like, Volume) else 1
    if source.kind == "dicom-series":
        count = len(source.files)
        places = [_place(source.files[0], 0), _place(source.files[-1], 0)]
    elif isinstance(like, Volume):
        places = [_place(source.path, 0), _place(source.path, count - 1)]
    else:
        places = [_place(source.path, source.frame or 0)] * 2
    (axes, first), (_, last) = places
    if axes is None or first is None or last is None:
        return None
    step = (last - first) / max(count - 1, 1)
    if np.linalg.norm(step) < _SAME_PLACE_MM:
        count, step = 1, axes[2] * (spacing[0] if len(spacing) == 3 else 1.0)
    affine = np.eye(4)
    affine[:3, 0] = axes[0] * spacing[-1]
    affine[:3, 1] = axes[1] * spacing[-2]
    affine[:3, 2] = step
    affine[:3, 3] = first
    return affine, count


def _place(path: Path, frame: int) -> tuple[Floats | None, Floats | None]:
    with decoding(path, "DICOM file", quote=False):
        header = read_header(path, _NO_LIMITS)
        layout_of(header, path)
        return orientation_of(header, frame=frame), position_of(header, frame=frame)
