"""Every arm on every test image with every prompter that it understands: the rows of the table."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from promptseg.data.samples import Sample, united
from promptseg.errors import DatasetError
from promptseg.evaluation.clicksam.arms import Arm, prompters_of, rows_of_an_image
from promptseg.evaluation.clicksam.prompting import Step, prompted
from promptseg.evaluation.clicksam.protocols import Protocol
from promptseg.evaluation.clicksam.table import SCORES, Row, append_rows, kept_rows
from promptseg.metrics import score_pair
from promptseg.types import BoolMask, Embedding, Image, Segmenter

__all__ = ["OBJECT", "EmbedOnce", "Progress", "image_and_reference", "measure"]

OBJECT: Final = "lesion"

Progress = Callable[[str, int, int], None]
"""Is told what is being done, how many are done, and how many there are."""


@final
@dataclass(frozen=True, eq=False)
class EmbedOnce:
    """Embeds one image, once for each encoder."""

    image: Image
    known: dict[int, Embedding]

    @classmethod
    def of(cls, image: Image) -> "EmbedOnce":
        """With nothing embedded yet."""
        return cls(image, {})

    def __call__(self, encoder: Segmenter, image: Image) -> Embedding:
        """The embedding, made now or known."""
        if image is not self.image:
            raise ValueError("EmbedOnce is for one image")
        if id(encoder) not in self.known:
            self.known[id(encoder)] = encoder.embed(image)
        return self.known[id(encoder)]


def image_and_reference(sample: Sample) -> tuple[Image, BoolMask]:
    """The picture of a sample, and its lesions in one mask.

    Raises:
        DatasetError: it has no lesion.
    """
    image = sample.read_image()
    reference = united(sample.read_objects(), image.size)
    if not reference.any():
        raise DatasetError(f"{sample.dataset} {sample.name}: its mask is empty; there is no lesion to prompt for")
    return image, reference


def measure(protocol: Protocol, arms: Mapping[str, Arm], path: Path, *, seed: int, progress: Progress) -> list[Row]:
    """Rows of all arms on the test images of a protocol; rows that a file already has are kept and not repeated.

    An image's rows are written together when it is finished, so a kill costs one image.

    Args:
        protocol: whose test images.
        arms: by name; a file of rows belongs to these arms and this seed.
        path: the file of rows.
        seed: of the noise of the prompts.
        progress: is told after each image.
    """
    rows = kept_rows(path, rows_of_an_image=rows_of_an_image(list(arms)))
    done = {row.image for row in rows}
    for sample in protocol.test:
        if sample.name not in done:
            fresh = list(_rows_of(sample, protocol, arms, seed))
            append_rows(fresh, path)
            rows += fresh
            done.add(sample.name)
            progress(f"{protocol.name}: evaluation", len(done), len(protocol.test))
    return _in_order(rows, [sample.name for sample in protocol.test], list(arms))


def _rows_of(sample: Sample, protocol: Protocol, arms: Mapping[str, Arm], seed: int) -> Iterator[Row]:
    image, reference = image_and_reference(sample)
    embed = EmbedOnce.of(image)
    group = protocol.split.group_of(sample)
    for name, arm in arms.items():
        session = arm.look(image, embed)
        for prompter in prompters_of(name):
            steps = prompted(session, reference, prompter, image=sample.name, seed=seed)
            for step, scores in zip(steps, _scores(steps, reference), strict=True):
                yield Row(
                    protocol=protocol.name,
                    arm=name,
                    prompter=prompter,
                    image=sample.name,
                    group=group,
                    stratum=sample.stratum,
                    object=OBJECT,
                    step=step.step,
                    predicted_score=step.shown.score,
                    n_clicks=step.n_clicks,
                    **scores,
                )


def _scores(steps: Sequence[Step], reference: BoolMask) -> Iterator[dict[str, float]]:
    """Scores of each step; a mask that stayed the same object is scored once."""
    known: dict[int, dict[str, float]] = {}
    for step in steps:
        if id(step.shown) not in known:
            known[id(step.shown)] = score_pair(reference, step.shown.mask, SCORES, empty="zero")
        yield known[id(step.shown)]


def _in_order(rows: Sequence[Row], images: Sequence[str], arms: Sequence[str]) -> list[Row]:
    """By image as in the data set, then by arm: the same table whether it was interrupted or not."""
    place = {name: number for number, name in enumerate(images)}
    turn = {name: number for number, name in enumerate(arms)}
    return sorted((row for row in rows if row.image in place), key=lambda row: (place[row.image], turn[row.arm]))
