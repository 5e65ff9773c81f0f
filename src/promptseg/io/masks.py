"""What a user gives to be written: one mask, a label map, or several masks that may overlap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import ValueRangeError, WriteError
from promptseg.io.files import shown
from promptseg.types import BoolMask

__all__ = ["Drawing", "Labels", "MaskInput", "drawing_of"]

MaskInput = NDArray[Any] | Sequence[NDArray[Any]]
Labels = Mapping[int, str] | Sequence[str]
_WIDTHS: Final = (np.uint8, np.uint16, np.int32)


@dataclass(frozen=True, eq=False, slots=True)
class Drawing:
    """Objects on one picture or volume.

    Attributes:
        shape: (H, W) or (Z, H, W).
        values: the label of each object, from 1.
        names: the name of each object, in the same order.
        label_map: integers of ``shape``, 0 outside; None where the objects were given one by one.
        masks: boolean arrays of ``shape``, one for each value; empty where ``label_map`` is given.
    """

    shape: tuple[int, ...]
    values: tuple[int, ...]
    names: tuple[str, ...]
    label_map: NDArray[Any] | None = field(repr=False)
    masks: tuple[BoolMask, ...] = field(repr=False)

    def mask(self, index: int) -> BoolMask:
        """The mask of object ``index``."""
        if self.label_map is None:
            return self.masks[index]
        chosen: BoolMask = self.label_map == self.values[index]
        return chosen

    def flat(self, path: Path) -> NDArray[Any]:
        """One label for each pixel, in the narrowest of uint8, uint16 and int32.

        Raises:
            WriteError: objects overlap, or a label is too large.
        """
        if max(self.values, default=0) > np.iinfo(np.int32).max:
            raise WriteError(f"{shown(path)}: label {max(self.values)} is too large; labels go up to {2**31 - 1}")
        dtype = next(width for width in _WIDTHS if max(self.values, default=0) <= np.iinfo(width).max)
        if self.label_map is not None:
            return self.label_map.astype(dtype)
        labels = np.zeros(self.shape, dtype)
        for value, mask in zip(self.values, self.masks, strict=True):
            shared = np.count_nonzero(labels[mask])
            if shared:
                raise WriteError(
                    f"{shown(path)}: mask {value} shares {shared} pixels with an earlier one, and this format keeps "
                    "one object a pixel; write .json or .dcm, which keep overlaps"
                )
            labels[mask] = value
        return labels


def drawing_of(mask: MaskInput, labels: Labels | None = None) -> Drawing:
    """Check what is to be written.

    Args:
        mask: bool (H, W) or (Z, H, W); an integer label map of such a shape, 0 outside; or a sequence of bool masks,
            which get the labels 1, 2, ...
        labels: names by label, or names of the labels 1, 2, ... in order.

    Raises:
        ValueRangeError: the mask is none of these, or ``labels`` names none of its labels.
    """
    if isinstance(mask, np.ndarray):
        label_map = _label_map(mask)
        values = (1,) if mask.dtype == np.bool_ else tuple(int(value) for value in np.unique(label_map) if value)
        return Drawing(label_map.shape, values, _names(values, labels), label_map, ())
    masks = _several(mask)
    values = tuple(range(1, len(masks) + 1))
    return Drawing(masks[0].shape, values, _names(values, labels), None, masks)


def _label_map(mask: NDArray[Any]) -> NDArray[Any]:
    _check_shape(mask)
    if mask.dtype.kind not in "bui":
        raise ValueRangeError(
            f"mask must be boolean or an integer label map, got {mask.dtype}; make a mask of it, as `scores > 0.5`"
        )
    if mask.dtype.kind == "i" and mask.min() < 0:
        raise ValueRangeError(f"a label map has labels from 1 and 0 outside, got {int(mask.min())}")
    return mask.astype(np.uint8) if mask.dtype == np.bool_ else mask


def _several(masks: object) -> tuple[BoolMask, ...]:
    if not isinstance(masks, Sequence) or isinstance(masks, str | bytes):
        raise ValueRangeError(f"mask must be an array or a sequence of boolean arrays, got {type(masks).__name__}")
    if not masks:
        raise ValueRangeError("mask is an empty sequence: there is nothing to write")
    checked = tuple(_boolean(one) for one in masks)
    shapes = {one.shape for one in checked}
    if len(shapes) > 1:
        raise ValueRangeError(f"masks of one picture must have one shape, got {' and '.join(map(str, sorted(shapes)))}")
    return checked


def _boolean(mask: object) -> BoolMask:
    if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
        kind = mask.dtype if isinstance(mask, np.ndarray) else type(mask).__name__
        raise ValueRangeError(f"a sequence of masks must hold boolean arrays, got {kind}")
    _check_shape(mask)
    return mask


def _check_shape(mask: NDArray[Any]) -> None:
    if mask.ndim not in (2, 3) or 0 in mask.shape:
        raise ValueRangeError(f"mask must have a non-empty shape (H, W) or (Z, H, W), got {mask.shape}")


def _names(values: tuple[int, ...], labels: object) -> tuple[str, ...]:
    if labels is None:
        by_value: Mapping[Any, Any] = {}
    elif isinstance(labels, Mapping):
        by_value = labels
    elif isinstance(labels, Sequence) and not isinstance(labels, str | bytes):
        by_value = dict(enumerate(labels, start=1))
    else:
        raise ValueRangeError(f"labels must be a sequence of names or a mapping of labels to names, got {labels!r}")
    for value, name in by_value.items():
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise ValueRangeError(f"the name of label {value!r} must be printable text, got {name!r}")
    if by_value and values and not set(by_value) & set(values):
        raise ValueRangeError(f"labels names {sorted(by_value)}, but the mask has {list(values)}")
    single = len(values) == 1
    return tuple(by_value.get(value, "object" if single else f"object {value}") for value in values)
