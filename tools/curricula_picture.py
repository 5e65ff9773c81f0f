"""Draw what each curriculum shows the embedded model in its first rounds: ``python -m tools.curricula_picture``."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont
from torch import Tensor

import promptseg
from promptseg.data.phantoms import ultrasound_phantom
from promptseg.drawing import draw_overlay
from promptseg.models.network import Network
from promptseg.models.preprocessing import prepare
from promptseg.training.curricula import build_curriculum
from promptseg.training.decode import BatchDecode
from promptseg.training.examples import make_example, targets_of
from promptseg.training.simulation import Decode, ObjectPrompts
from promptseg.types import Box, Image, Point, Prompts

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "curricula.webp"
ROWS: tuple[tuple[str, str, dict[str, object], int], ...] = (
    ("single-click", "single-click", {}, 1),
    ("clicksam, stage 2", "clicksam", {"stage": 2}, 1),
    ("box", "box", {}, 1),
    ("sam", "sam", {}, 4),
    ("sam-med2d", "sam-med2d", {}, 3),
    ("ritm", "ritm", {"most_clicks": 8}, 14),
    ("mixed", "mixed", {"long": 1.0}, 4),
)
PHANTOM_SEED, COLUMNS, CUT, TILE, HEAD = 14, 5, 120, 150, 18


class Watched:
    """A decoder that keeps what it was asked and what it answered."""

    def __init__(self, decode: BatchDecode, answers: list[tuple[ObjectPrompts, Tensor, str]], name: str = "") -> None:
        """Watch ``decode``; answers are kept in a list, under a name."""
        self.side, self.grid_side = decode.side, decode.grid_side
        self.start: Decode | None = None
        self._decode, self._answers, self._name = decode, answers, name

    def __call__(self, prompts: ObjectPrompts, *, multimask: bool) -> tuple[Tensor, Tensor]:
        """Ask the decoder and keep question and answer."""
        logits, scores = self._decode(prompts, multimask=multimask)
        words = [self._name, "3 masks" if multimask else "", "" if torch.is_grad_enabled() else "no gradient"]
        best = logits.detach()[0, int(scores[0].argmax())]
        self._answers.append((prompts, best, ", ".join(word for word in words if word)))
        return logits, scores


def first_rounds(name: str, settings: dict[str, object], seed: int) -> tuple[list[Pillow.Image], int]:
    """Tiles of the first answers to one curriculum, and how many answers there are."""
    made = ultrasound_phantom(np.random.default_rng(PHANTOM_SEED), size=(210, 256))
    image, segmenter = Image(made.image), promptseg.load("default", device="cpu")
    network: Network = segmenter.network
    pixels, frame = prepare(image, segmenter.preprocessing)
    example = make_example(image, [made.mask], segmenter.preprocessing, grid_side=network.grid_side)
    targets = targets_of(example.masks_Ngg, example.boxes_N4, torch.device("cpu"))
    answers: list[tuple[ObjectPrompts, Tensor, str]] = []
    with torch.no_grad():
        decode = BatchDecode(network, network.encode(torch.from_numpy(pixels)), torch.zeros(1, dtype=torch.long))
    watched = Watched(decode, answers)
    watched.start = Watched(decode, answers, "start")
    build_curriculum(name, **settings)(watched, targets, np.random.default_rng(seed))
    display = np.zeros((frame.side, frame.side), np.uint8)
    height, width = frame.resized
    display[:height, :width] = np.asarray(Pillow.fromarray(made.image).resize((width, height)))
    tiles = [
        tile(display, targets.masks_Mhw[0], logits, prompts, words) for prompts, logits, words in answers[:COLUMNS]
    ]
    return tiles, len(answers)


def tile(display: NDArray[np.uint8], truth: Tensor, logits: Tensor, prompts: ObjectPrompts, words: str) -> Pillow.Image:
    """One answer: reference (orange), answer (blue), prompts; cut around the object."""
    side = display.shape[0]
    large = torch.nn.functional.interpolate(
        torch.stack((logits, truth - 0.5))[None], size=(side, side), mode="bilinear"
    )
    rows, columns = np.nonzero(large[0, 1].numpy() > 0)
    left, top = (int(np.clip(p.mean() - CUT / 2, 0, side - CUT)) for p in (columns, rows))
    cut = slice(top, top + CUT), slice(left, left + CUT)
    shown = draw_overlay(
        display[cut],
        large[0].numpy()[(slice(None), *cut)] > 0,
        [said(prompts, left, top)],
        opacity=0.08,
        long_side=2 * CUT,
    )
    picture = Pillow.new("RGB", (TILE, TILE + HEAD), "white")
    picture.paste(Pillow.fromarray(shown).resize((TILE, TILE), Pillow.Resampling.LANCZOS), (0, HEAD))
    fed = prompts.masks_M1hw is not None and not bool(prompts.masks_M1hw.isnan().any())
    text = ", ".join(word for word in (words, "mask" if fed else "") if word)
    ImageDraw.Draw(picture).text((2, 2), text, fill="black", font=ImageFont.load_default(10))
    return picture


def said(prompts: ObjectPrompts, left: int, top: int) -> Prompts:
    """The prompts of the only object, from the corner of the cut."""
    pairs = zip(prompts.points_MP2[0].tolist(), prompts.labels_MP[0].tolist(), strict=True)
    points = [Point(x - left, y - top, label == 1) for (x, y), label in pairs if label >= 0]
    boxes = []
    if prompts.boxes_M4 is not None and not prompts.boxes_M4.isnan().any():
        x0, y0, x1, y1 = prompts.boxes_M4[0].tolist()
        boxes.append(Box(x0 - left, y0 - top, x1 - left, y1 - top))
    return Prompts(points=points, boxes=boxes)


def main() -> None:
    """Draw one row for each curriculum."""
    label = 96
    sheet = Pillow.new("RGB", (label + COLUMNS * TILE, len(ROWS) * (TILE + HEAD)), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for row, (title, name, settings, seed) in enumerate(ROWS):
        tiles, count = first_rounds(name, settings, seed)
        top = row * (TILE + HEAD)
        more = f"\n{count} answers" if count > 1 else "\n1 answer"
        pen.text((4, top + TILE // 2 - 10), title.replace(", ", ",\n") + more, fill="black", font=font)
        for column, picture in enumerate(tiles):
            sheet.paste(picture, (label + column * TILE, top))
    sheet.save(PICTURE, quality=70, method=6)


if __name__ == "__main__":
    main()
