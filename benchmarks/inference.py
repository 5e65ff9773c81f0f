"""Encode and click, side by side in one run: promptseg, transformers as it comes, and the original package.

    python benchmarks/inference.py --rounds 4 --clicks 6 --output docs/results/inference.md

All variants of vit_b share the same random weights and see the same 1024 px input, so their masks can be compared.
Rounds are interleaved; a figure is the smallest of its rounds, in CPU seconds and in wall seconds, because a shared
machine only ever adds to it. Memory is the peak of a process of its own that encodes once and clicks once.
The original package (``pip install segment-anything``) imports torchvision, of which it uses a resize function here;
this file alone puts Pillow's in its place, which is what torchvision calls too.
"""

import argparse
import importlib
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image

FLOOR_GFLOP = {"encode": 972.08, "click": 3.62}
"""Operations of vit_b at 1024 px for one image and one click (2 for each multiply-add), counted in closed form."""
POINT = (512.0, 384.0)
SIZE = (768, 1024)
Steps = tuple[Callable[[], Any], Callable[[Any], np.ndarray]]
"""How a variant encodes the picture, and how it answers a click on what that gave."""


HEADING = """# Inference

Time and memory of encoding an image and of answering a click, side by side in one run, with random weights of vit_b
that all variants share:

    pip install segment-anything
    python benchmarks/inference.py --rounds 4 --clicks 6 --output docs/results/inference.md

Seconds are the smallest of the rounds. "Mask IoU" compares with the masks of the first row. Memory is the peak of a
process of its own, with the weights and PyTorch in it."""


def picture() -> np.ndarray:
    """A smooth random picture: what it shows does not matter for the time."""
    rng = np.random.default_rng(0)
    coarse = torch.from_numpy(rng.random((1, 3, 24, 32)).astype(np.float32))
    fine = torch.nn.functional.interpolate(coarse, SIZE, mode="bicubic").clamp(0, 1)
    return (255 * fine[0].permute(1, 2, 0).numpy()).astype(np.uint8)


def random_checkpoint(folder: Path) -> Path:
    """A vit_b in Meta's own format with random weights of a sensible scale."""
    path = folder / "sam_vit_b_random.pth"
    if not path.exists():
        torch.manual_seed(0)
        model = original_package().sam_model_registry["vit_b"]()
        with torch.no_grad():
            for name, value in model.named_parameters():
                if value.ndim > 1:
                    scale = 0.2 if "rel_pos" in name else 1.0 if "embed" in name else 0.7 / value[0].numel() ** 0.5
                    value.normal_(0, scale)
        torch.save(model.state_dict(), path)
    return path


def original_package() -> types.ModuleType:
    """The package ``segment_anything``, imported over an empty torchvision that is taken away again."""
    if "segment_anything" not in sys.modules:
        names = ("torchvision", "torchvision.ops", "torchvision.ops.boxes", "torchvision.transforms")
        empty = {name: types.ModuleType(name) for name in (*names, "torchvision.transforms.functional")}
        functional = empty["torchvision.transforms.functional"]
        functional.resize = lambda image, size: image.resize(size[::-1], Image.Resampling.BILINEAR)
        functional.to_pil_image = Image.fromarray
        empty["torchvision.ops.boxes"].batched_nms = empty["torchvision.ops.boxes"].box_area = None
        sys.modules.update(empty)
        try:
            importlib.import_module("segment_anything")
        finally:
            for name in empty:
                del sys.modules[name]
    return sys.modules["segment_anything"]


def ours(name: str, dtype: Literal["auto", "bfloat16"] = "auto") -> Callable[[Path], Steps]:
    """A segmenter of promptseg: pixels to embedding, and a click to masks at image size."""

    def build(checkpoint: Path) -> Steps:
        import promptseg

        segmenter = promptseg.load(checkpoint if name == "vit_b" else name, dtype=dtype)
        prompts = promptseg.Prompts(points=[promptseg.Point(*POINT)])
        image = picture()
        return (
            lambda: segmenter.embed(image),
            lambda embedding: segmenter.segment(embedding, prompts, choose="first").masks,
        )

    return build


def original(checkpoint: Path) -> Steps:
    """Meta's package through its own predictor."""
    package = original_package()
    predictor = package.SamPredictor(package.sam_model_registry["vit_b"](checkpoint=str(checkpoint)))
    image = picture()

    def encode() -> None:
        predictor.set_image(image)

    def click(_: object) -> np.ndarray:
        return predictor.predict(np.array([POINT]), np.array([1]))[0]

    return encode, click


def transformers_as_it_comes(checkpoint: Path) -> Steps:
    """``SamModel`` and ``SamProcessor`` used as their documentation shows."""
    from transformers import SamConfig, SamImageProcessorPil, SamModel, SamProcessor

    from promptseg.models.checkpoints import open_network

    model = SamModel(SamConfig()).eval()
    model.load_state_dict(open_network(checkpoint)[0].module.state_dict())
    processor = SamProcessor(SamImageProcessorPil())
    image = picture()

    def encode() -> torch.Tensor:
        with torch.no_grad():
            return model.get_image_embeddings(processor(image, return_tensors="pt")["pixel_values"])

    def click(embedding: torch.Tensor) -> np.ndarray:
        points = torch.tensor(POINT)[None, None, None]
        with torch.no_grad():
            answer = model(image_embeddings=embedding, input_points=points)
        sizes = torch.tensor([SIZE])
        return processor.post_process_masks(answer.pred_masks, sizes, sizes)[0][0].numpy()

    return encode, click


VARIANTS: dict[str, Callable[[Path], Steps]] = {
    "segment-anything 1.0, vit_b": original,
    "transformers, vit_b": transformers_as_it_comes,
    "promptseg, vit_b": ours("vit_b"),
    "promptseg, vit_b, bfloat16 encoder": ours("vit_b", dtype="bfloat16"),
    "promptseg, embedded default": ours("default"),
}


def timed(task: Callable[[], Any]) -> tuple[Any, float, float]:
    """What the task gives, its CPU seconds and its wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    answer = task()
    return answer, time.process_time() - cpu, time.perf_counter() - wall


def measure(checkpoint: Path, *, rounds: int, clicks: int) -> tuple[dict[str, dict[str, Any]], float]:
    """Times of each variant over interleaved rounds and its masks; and the best rate of a matrix product meanwhile."""
    peak_gflops = 0.0
    built = {name: build(checkpoint) for name, build in VARIANTS.items()}
    rows: dict[str, dict[str, Any]] = {name: {"encode": [], "click": []} for name in built}
    for _ in range(rounds):
        for name, (encode, click) in built.items():
            peak_gflops = max(peak_gflops, matmul_gflops())
            embedding, *seconds = timed(encode)
            rows[name]["encode"].append(seconds)
            for _ in range(clicks):
                masks, *seconds = timed(lambda click=click, embedding=embedding: click(embedding))
                rows[name]["click"].append(seconds)
            rows[name]["masks"] = np.asarray(masks, dtype=bool)
    return rows, peak_gflops


def peak_mib(name: str, checkpoint: Path) -> float:
    """Peak memory of a process that does one encoding and one click of a variant."""
    command = [sys.executable, __file__, "--alone", name, "--checkpoint", str(checkpoint)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def alone(name: str, checkpoint: Path) -> None:
    """Do one encoding and one click, and print the peak of resident memory in MiB."""
    encode, click = VARIANTS[name](checkpoint)
    click(encode())
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def matmul_gflops() -> float:
    """Best rate of a float32 matrix product with the shapes of vit_b's MLP, by the clock on the wall, in GFLOP/s."""
    a, b = torch.randn(4096, 768), torch.randn(768, 3072)
    seconds = min(timed(lambda: a @ b)[2] for _ in range(10))
    return 2 * 4096 * 768 * 3072 / seconds / 1e9


def agreement(masks: np.ndarray, reference: np.ndarray) -> float:
    """Mean IoU of corresponding masks."""
    joint = (masks & reference).sum((1, 2))
    return float(np.mean(joint / np.maximum((masks | reference).sum((1, 2)), 1)))


def report(rows: dict[str, dict[str, Any]], memory: dict[str, float], peak_gflops: float) -> str:
    """The table in Markdown, ratios against the first row."""
    first = next(iter(rows))
    best = {
        name: {step: np.min(rows[name][step], axis=0) for step in ("encode", "click")} for name in rows
    }  # (CPU s, wall s)
    lines = [
        "| variant | encode, CPU s | wall s | ratio | click, CPU ms | wall ms | ratio | peak MiB | mask IoU |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        encode, click = best[name]["encode"], best[name]["click"]
        same = f"{agreement(row['masks'], rows[first]['masks']):.4f}" if "vit_b" in name else "-"
        lines.append(
            f"| {name} | {encode[0]:.2f} | {encode[1]:.2f} | {best[first]['encode'][0] / encode[0]:.2f} "
            f"| {1000 * click[0]:.1f} | {1000 * click[1]:.1f} | {best[first]['click'][0] / click[0]:.2f} "
            f"| {memory[name]:.0f} | {same} |"
        )
    reached = FLOOR_GFLOP["encode"] / best["promptseg, vit_b"]["encode"][1]
    floor_s, floor_ms = FLOOR_GFLOP["encode"] / peak_gflops, 1000 * FLOOR_GFLOP["click"] / peak_gflops
    machine = (
        f"Ratios are of CPU seconds against the first row; more is faster. {torch.get_num_threads()} threads, torch "
        f"{torch.__version__}, {platform.machine()}, {time.strftime('%Y-%m-%d')}."
    )
    floor = (
        f"Distance to the floor: one image through vit_b is {FLOOR_GFLOP['encode']:.0f} GFLOP, a click "
        f"{FLOOR_GFLOP['click']} GFLOP. The best float32 matrix product in this run reached {peak_gflops:.0f} GFLOP/s; "
        f"the floor of encoding is then {floor_s:.1f} s and of a click {floor_ms:.0f} ms; the float32 encoding of "
        f"promptseg ran at {reached:.0f} GFLOP/s, {100 * reached / peak_gflops:.0f} % of it."
    )
    lines += ["", machine, "", floor]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure all variants and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clicks", type=int, default=5)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.alone:
        alone(arguments.alone, arguments.checkpoint)
        return
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = random_checkpoint(Path(folder))
        memory = {name: peak_mib(name, checkpoint) for name in VARIANTS}
        rows, peak_gflops = measure(checkpoint, rounds=arguments.rounds, clicks=arguments.clicks)
        table = report(rows, memory, peak_gflops)
    print(table)
    if arguments.output:
        arguments.output.write_text(f"{HEADING}\n\n{table}")
        times = {name: {step: row[step] for step in ("encode", "click")} for name, row in rows.items()}
        arguments.output.with_suffix(".json").write_text(json.dumps(times, indent=1))


if __name__ == "__main__":
    main()
