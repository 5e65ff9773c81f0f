import contextlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from promptseg import io
from promptseg.errors import LimitError, ReadError, ValueRangeError
from promptseg.io.run_lengths import decode_counts, decode_mask, encode_counts, encode_mask

coco = pytest.importorskip("pycocotools.mask")
MASKS = arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, max_side=40))


@given(MASKS)
def test_run_lengths_equal_pycocotools(mask: np.ndarray) -> None:
    reference = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert encode_mask(mask) == reference["counts"].decode("ascii")
    size = (mask.shape[0], mask.shape[1])
    np.testing.assert_array_equal(decode_mask(encode_mask(mask), size), mask)
    np.testing.assert_array_equal(decode_mask(decode_counts(encode_mask(mask)), size), mask)


def test_long_runs_equal_pycocotools() -> None:
    mask = np.zeros((1500, 2000), np.bool_)
    mask[200:900, 333:1400] = True
    assert encode_mask(mask) == coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode("ascii")


@given(st.lists(st.integers(0, 10**6), max_size=30))
def test_counts_come_back(runs: list[int]) -> None:
    assert decode_counts(encode_counts(runs)) == runs


@given(st.text(max_size=30))
def test_damaged_counts_are_noticed(text: str) -> None:
    with contextlib.suppress(ValueRangeError):
        assert decode_mask(text, (7, 9)).shape == (7, 9)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_document_is_what_pycocotools_reads(tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    first, second = np.zeros((2, 6, 8), np.bool_)
    first[1:3, 2:7], second[2:5, 6] = True, True
    io.write([first, second], tmp_path / "a.json", labels=["lesion", "shadow"])
    document = COCO(str(tmp_path / "a.json"))
    assert document.getImgIds() == [1]
    annotations = document.loadAnns(document.getAnnIds(imgIds=[1]))
    for annotation, mask in zip(annotations, (first, second), strict=True):
        np.testing.assert_array_equal(document.annToMask(annotation), mask)
        assert annotation["bbox"] == coco.toBbox(annotation["segmentation"]).tolist()
        assert annotation["area"] == coco.area(annotation["segmentation"]) == mask.sum()
    assert annotations[0]["bbox"] == [2, 1, 5, 2]
    assert [document.cats[item["category_id"]]["name"] for item in annotations] == ["lesion", "shadow"]


def test_an_empty_mask_has_an_empty_box(tmp_path: Path) -> None:
    io.write(np.zeros((3, 4), np.bool_), tmp_path / "a.json")
    (annotation,) = json.loads((tmp_path / "a.json").read_text())["annotations"]
    assert (annotation["bbox"], annotation["area"]) == ([0, 0, 0, 0], 0)


def test_instances_of_one_category_are_numbered(tmp_path: Path) -> None:
    masks = np.zeros((2, 3, 4), np.bool_)
    masks[0, 0], masks[1, 2] = True, True
    made = [
        {"id": 9, "image_id": 5, "category_id": 44, "segmentation": {"size": [3, 4], "counts": encode_mask(mask)}}
        for mask in masks
    ]
    (tmp_path / "a.json").write_text(json.dumps({"images": [{"id": 5, "height": 3, "width": 4}], "annotations": made}))
    np.testing.assert_array_equal(io.read_mask(tmp_path / "a.json"), masks[0] + 2 * masks[1])


GOOD = {"size": [3, 4], "counts": encode_mask(np.eye(3, 4, dtype=np.bool_))}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("{", "damaged"),
        ("{" * 100_000, "damaged"),
        ("[]", "no mask"),
        ("{}", "no list of annotations"),
        ({"annotations": []}, "does not say how large"),
        ({"annotations": [5]}, "damaged"),
        ({"annotations": [{"segmentation": [[1, 2, 3, 4, 5, 6]]}]}, "damaged"),
        ({"images": [{"height": 3, "width": 4}], "annotations": [{"segmentation": [[1, 2, 3]]}]}, "polygons"),
        ({"images": [{"height": 4, "width": 3}], "annotations": [{"segmentation": GOOD}]}, "a mask has size"),
        ({"images": [{}, {}], "annotations": []}, "masks of 2 images"),
        ({"images": [{"height": 3, "width": -4}], "annotations": []}, "does not say how large"),
        ({"annotations": [{"segmentation": {"size": [3, 4], "counts": 5}}]}, "neither text nor a list"),
        ({"annotations": [{"segmentation": {"size": [3, 4], "counts": [5]}}]}, "run lengths"),
        ({"annotations": [{"segmentation": {"size": [3, 4], "counts": "zzz"}}]}, "run lengths"),
    ],
)
def test_damaged_documents_say_what_is_wrong(tmp_path: Path, document: Any, words: str) -> None:
    (tmp_path / "a.json").write_text(document if isinstance(document, str) else json.dumps(document))
    with pytest.raises((ReadError, ValueRangeError), match=words) as caught:
        io.read_mask(tmp_path / "a.json")
    assert "\n" not in str(caught.value)


def test_a_huge_claim_is_not_believed(tmp_path: Path) -> None:
    claim = {"size": [10**6, 10**6], "counts": [10**12]}
    (tmp_path / "a.json").write_text(json.dumps({"annotations": [{"segmentation": claim}]}))
    with pytest.raises(LimitError, match="1000000000000 decoded pixels"):
        io.read_mask(tmp_path / "a.json")
