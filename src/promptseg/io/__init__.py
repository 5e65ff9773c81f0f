"""One door in and one door out: a path to an image, volume or cine, and a mask to a file."""

from promptseg.io.display import to_display, to_gray
from promptseg.io.limits import DEFAULT_LIMITS, Limits
from promptseg.io.mask_reading import read_mask
from promptseg.io.notices import CalibrationWarning, ReadWarning
from promptseg.io.reading import read, read_image
from promptseg.io.ultrasound import UltrasoundRegion, region_spacing, ultrasound_regions
from promptseg.io.writing import write

__all__ = [
    "DEFAULT_LIMITS",
    "CalibrationWarning",
    "Limits",
    "ReadWarning",
    "UltrasoundRegion",
    "read",
    "read_image",
    "read_mask",
    "region_spacing",
    "to_display",
    "to_gray",
    "ultrasound_regions",
    "write",
]
