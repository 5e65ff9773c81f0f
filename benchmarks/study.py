"""Evaluations of a study for each second, beside a straightforward loop with one call of the model for each prompt.

    python benchmarks/study.py --images 8 --output docs/results/study-speed.md

The loop is written as the published script of the study is: an image is embedded once, then every prompt is one call,
all masks of the answer are brought to image size and compared with the reference by numpy. The script is run once for
each way to choose a mask, so there are two loops here: one as it is run, and one that reads all ways off one call. Both
use the same model, are given the prompts ready-made (only clicks on errors are computed as they go, by OpenCV), and
must give the same scores. Everything else is the study's own code. Needs no data: simulated ultrasound with a lesion.
"""

import argparse
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image as Picture

import promptseg
from promptseg.data.phantoms import ultrasound_phantom
from promptseg.evaluation.study.contenders import open_segmenter
from promptseg.evaluation.study.experiments import EXPERIMENTS
from promptseg.evaluation.study.planning import make_plan
from promptseg.evaluation.study.recipe import (
    ClicksSettings,
    LocationSettings,
    ModesSettings,
    NoiseSettings,
    StudyRecipe,
)
from promptseg.evaluation.study.running import Bench, Job
from promptseg.evaluation.study.scene import Evaluation, Scene, StudiedObject, StudyPolicy
from promptseg.evaluation.study.workers import run_units
from promptseg.metrics import iou
from promptseg.models.predictor import PromptSegmenter
from promptseg.models.sam import SamNetwork, build_sam
from promptseg.models.sizes import SamSizes
from promptseg.models.zoo import MODELS
from promptseg.types import Candidates, Embedding, Image, MaskPrompt, Point, Prompts, Segmenter, accepted_prompts

SIZE = (480, 600)
POLICIES: tuple[StudyPolicy, ...] = ("single", "first", "best-score", "oracle")
RUNS: dict[str, Sequence[Sequence[StudyPolicy]]] = {
    "a run for each policy": [(policy,) for policy in POLICIES],
    "a call for each prompt": [("single",), ("first", "best-score", "oracle")],
}
"""How often the loop is run, and which policies are read off its calls: as published, and as it would be at best."""
WAYS = (*RUNS, "study")
Key = tuple[str, float, str, bool, int, int]
Scores = dict[Key, float]
SETTINGS = {
    "modes": ModesSettings(),
    "clicks": ClicksSettings(),
    "noise": NoiseSettings(),
    "location": LocationSettings(),
}


@dataclass(frozen=True)
class Cost:
    """What some evaluations took."""

    cpu_s: float = 0
    wall_s: float = 0
    rows: int = 0
    calls: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        sums = (getattr(self, one.name) + getattr(other, one.name) for one in fields(self))
        return Cost(*sums)


def timed(task: Callable[..., Any], *given: object) -> tuple[Any, Cost]:
    """What the task gives and what it took."""
    cpu, wall = time.process_time(), time.perf_counter()
    answer = task(*given)
    return answer, Cost(time.process_time() - cpu, time.perf_counter() - wall)


def key(row: Evaluation) -> Key:
    """What names a row of one object and experiment."""
    level = -1.0 if np.isnan(row.level) else row.level
    return row.prompter, level, row.policy, row.feedback, row.repeat, row.step


def phantoms(count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pictures and their lesions."""
    made = [ultrasound_phantom(np.random.default_rng(seed), size=SIZE) for seed in range(count)]
    return [(one.image, one.mask) for one in made]


# The loop


@dataclass
class Original:
    """A model used as the original predictor is: an image, then one prompt a call, every mask at image size."""

    segmenter: Segmenter
    embedding: Embedding
    calls: int = 0

    def predict(self, prompts: Prompts, *, multimask: bool) -> tuple[np.ndarray, np.ndarray, Candidates]:
        """Masks at image size, predicted scores, and the answer itself."""
        self.calls += 1
        found = self.segmenter.segment(self.embedding, prompts, choose="first" if multimask else "single")
        return found.logits > 0, found.scores, found


def plain_ious(masks: np.ndarray, truth: np.ndarray) -> list[float]:
    """IoU of each mask, as one writes it."""
    return [float((mask & truth).sum() / (mask | truth).sum()) for mask in masks]


def index_of(policy: StudyPolicy, scores: np.ndarray, ious: list[float]) -> int:
    """Which mask a policy takes."""
    return int(np.argmax(ious)) if policy == "oracle" else int(np.argmax(scores)) if policy == "best-score" else 0


def prompt_by_prompt(
    model: Original, truth: np.ndarray, asked: Sequence[Evaluation], runs: Sequence[Sequence[StudyPolicy]]
) -> Scores:
    """Every prompt in each run by itself; boxes of several parts one by one, their masks united."""
    scores: Scores = {}
    for run in runs:
        for row in (row for row in asked if row.policy == run[0]):
            prompts = row.prompts
            parts = [Prompts(boxes=[box]) for box in prompts.boxes] if len(prompts.boxes) > 1 else [prompts]
            answers = [model.predict(part, multimask=run[0] != "single") for part in parts]
            masks, predicted, _ = answers[0]
            if len(answers) > 1:
                masks = np.any([masks for masks, _, _ in answers], axis=0)
                predicted = np.mean([predicted for _, predicted, _ in answers], axis=0)
            ious = plain_ious(masks, truth)
            for policy in run:
                name = (row.prompter, key(row)[1], policy, False, row.repeat, row.step)
                scores[name] = ious[index_of(policy, predicted, ious)]
    return scores


def click_by_click(model: Original, truth: np.ndarray, asked: Sequence[Evaluation]) -> Scores:
    """Every chain by itself: the deepest pixel of the error, the model, all masks, again."""
    scores: Scores = {}
    for first in (row for row in asked if row.step == 1):
        mask, points, handed_back = np.zeros_like(truth), [], None
        for step in range(1, SETTINGS["clicks"].count + 1):
            error = mask ^ truth
            if error.any():
                depth = cv2.distanceTransform(np.pad(error, 1).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
                row, column = np.unravel_index(np.argmax(depth[1:-1, 1:-1]), truth.shape)
                points.append(Point(int(column), int(row), bool(truth[row, column])))
                prompts = Prompts(points=points, mask=handed_back)
                masks, predicted, found = model.predict(prompts, multimask=first.policy != "single")
                ious = plain_ious(masks, truth)
                index = index_of(first.policy, predicted, ious)
                mask = masks[index]
                if first.feedback:
                    handed_back = MaskPrompt(found.low_res_logits[index], found.model)
            scores[first.prompter, -1.0, first.policy, first.feedback, 0, step] = ious[index]
    return scores


def loop(model: Original, truth: np.ndarray, asked: Sequence[Evaluation], way: str) -> Scores:
    """An experiment as the loop does it; each chain of clicks follows one policy, so there both ways are the same."""
    if asked[0].prompter == "clicks-study":
        return click_by_click(model, truth, asked)
    return prompt_by_prompt(model, truth, asked, RUNS[way])


# The study


def study(scene: Scene, name: str) -> list[tuple[Evaluation, float]]:
    """An experiment as the study runs it, each mask scored once."""
    known: dict[int, float] = {}
    rows = list(EXPERIMENTS[name](scene, SETTINGS[name]))
    for row in rows:
        if id(row.mask) not in known:
            known[id(row.mask)] = iou(row.object.mask, row.mask)
    return [(row, known[id(row.mask)]) for row in rows]


def scene_of(segmenter: Segmenter, pixels: np.ndarray, truth: np.ndarray, number: int) -> Scene:
    """A picture before a model; embeds."""
    image, objects = Image(pixels), (StudiedObject("lesion", 0, truth),)
    accepts = accepted_prompts(segmenter)
    return Scene(image, segmenter, segmenter.embed(image), objects, POLICIES, accepts, f"phantoms/{number}", 0)


def compare(segmenter: Segmenter, count: int) -> tuple[dict[str, dict[str, Cost]], float]:
    """Costs by experiment and way over some pictures, and the share of scores that are equal."""
    costs: dict[str, dict[str, Cost]] = {name: dict.fromkeys(WAYS, Cost()) for name in ("embedding", *SETTINGS)}
    equal: list[bool] = []
    for number, (pixels, truth) in enumerate(phantoms(count)):
        scene, embedding = timed(scene_of, segmenter, pixels, truth, number)
        for way in WAYS:
            costs["embedding"][way] += embedding
        for name in SETTINGS:
            rows, cost = timed(study, scene, name)
            costs[name]["study"] += replace(cost, rows=len(rows))
            asked, mine = [row for row, _ in rows], {key(row): score for row, score in rows}
            for way in RUNS:
                model = Original(segmenter, scene.embedding)
                scores, cost = timed(loop, model, truth, asked, way)
                costs[name][way] += replace(cost, rows=len(scores), calls=model.calls)
                equal += [abs(scores[row] - score) <= 1e-9 for row, score in mine.items()]
    return costs, float(np.mean(equal))


# Growth


def by_places(segmenter: Segmenter, places: Sequence[int]) -> list[tuple[int, float, float]]:
    """Number of clicks on one object, and CPU milliseconds for each evaluation by the loop and by the study."""
    pixels, truth = phantoms(1)[0]
    scene, found = scene_of(segmenter, pixels, truth, 0), []
    model = Original(segmenter, scene.embedding)
    for count in places:
        SETTINGS["location"] = LocationSettings(places=count)
        rows, mine = timed(study, scene, "location")
        asked = [row for row, _ in rows]
        _, theirs = timed(loop, model, truth, asked, "a call for each prompt")
        found.append((len(rows), 1000 * theirs.cpu_s / len(rows), 1000 * mine.cpu_s / len(rows)))
    return found


def recipe_for(folder: Path) -> StudyRecipe:
    """The same experiments for the runner of studies."""
    data = {"name": "phantoms", "path": str(folder), "source": "folder", "parts": ["test"]}
    experiments = {name: settings.model_dump() for name, settings in SETTINGS.items()}
    tables = {"data": [data], "model": [{"name": "default"}], "experiments": experiments}
    return StudyRecipe.model_validate({"name": "speed", "metrics": ["iou"], **tables})


def run_whole(count: int, workers: int) -> Cost:
    """Some pictures through ``promptseg study`` from files to finished parts, processes started; without the report."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        for name in ("images", "masks", "study"):
            (folder / name).mkdir()
        for number, (pixels, truth) in enumerate(phantoms(count)):
            Picture.fromarray(pixels).save(folder / "images" / f"{number:04d}.png")
            Picture.fromarray(truth.astype(np.uint8) * 255).save(folder / "masks" / f"{number:04d}.png")
        rows: list[int] = []
        used, wall = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime + time.process_time(), time.perf_counter()
        job = Job(make_plan(recipe_for(folder)), folder / "study", "speed", "cpu", open_segmenter)
        if workers == 1:
            bench = Bench(job)
            rows = [bench.do(unit) for unit in job.plan.units]
        else:
            run_units(job, list(job.plan.units), workers=workers, done=lambda _, done: rows.append(done))
        wall_s = time.perf_counter() - wall
        used = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime + time.process_time() - used
        return Cost(used, wall_s, sum(rows))


def random_vit_b() -> PromptSegmenter:
    """Segment Anything ViT-B with random weights: what it shows does not matter for the time."""
    torch.manual_seed(0)
    module, known = build_sam(SamSizes()), MODELS["sam-vit-b"]
    weights = {name: torch.randn(value.shape) * 0.02 for name, value in module.state_dict().items()}
    module.load_state_dict(weights, assign=True)
    network = SamNetwork(module.eval().requires_grad_(requires_grad=False), SamSizes())
    return PromptSegmenter(network, known.preprocessing, name="vit_b", default_policy=known.default_policy)


# The page

HEADING = """# Speed of a study

`promptseg study` beside a straightforward loop that embeds an image once and then calls the model for one prompt at a
time, brings every mask of the answer to image size and compares it with the reference by numpy, as the published
script of Mazurowski et al. does. Same model, same machine, one run. The loop gets its prompts ready-made; only clicks
on
errors are computed as it goes (OpenCV).

    {command}

Each image is simulated ultrasound of 480 x 600 pixels with one lesion. It is studied with the five modes, nine clicks
by the rule of the study with and without the mask handed back, all default noise and {places} places: {rows}
evaluations
(rows of the table), each mode, noise and place under `single`, `first`, `best-score` and `oracle`. The published
script is run once for each way to choose a mask. "A call for each prompt" is kinder:
it reads the first, the best-scored and the oracle's mask off one call, and `single` off another. {equal:.2f} % of the
loops' scores equal those of the study; where a pixel differs by rounding, the clicks after it can.

{machine}
"""


def comparison(title: str, costs: dict[str, dict[str, Cost]], images: int) -> list[str]:
    """Tables of one model: all ways, then CPU seconds experiment by experiment."""
    total = {way: sum((costs[name][way] for name in costs), Cost()) for way in WAYS}
    again = costs["embedding"]["study"].cpu_s / images
    lines = [f"## {title}: one process, one thread", ""]
    lines += ["| way | calls an image | CPU s an image | evaluations in a CPU second | study is faster by |"]
    lines += ["|---|---|---|---|---|"]
    rows = [(way, cost.calls, cost.cpu_s) for way, cost in total.items()]
    published = rows[0]
    rows.insert(0, ("the first, embedding for each call (computed)", published[1], published[2] + again * published[1]))
    for way, calls, cpu_s in rows:
        speed, ratio = total[WAYS[0]].rows / cpu_s, cpu_s / total["study"].cpu_s
        lines.append(f"| {way} | {calls / images:.0f} | {cpu_s / images:.2f} | {speed:.0f} | {ratio:.1f} |")
    lines += ["", "| CPU s an image | " + " | ".join(WAYS) + " |", "|---" * (len(WAYS) + 1) + "|"]
    for name in costs:
        lines.append(f"| {name} | " + " | ".join(f"{costs[name][way].cpu_s / images:.3f}" for way in WAYS) + " |")
    return [*lines, ""]


def growth(segmenter: Segmenter, images: Sequence[int], places: Sequence[int]) -> list[str]:
    """Tables of how cost grows with images, workers and prompts."""
    lines = ["## Growth with images, and all cores", ""]
    lines += ["From picture files to finished parts of the table, the start of processes and the opening of the model"]
    lines += ["included, without the report.", "", "| images | workers | rows | CPU s | wall s | rows a wall second |"]
    lines += ["|---|---|---|---|---|---|"]
    for count in images:
        for workers in (1, 2):
            cost = run_whole(count, workers)
            figures = f"{cost.cpu_s:.1f} | {cost.wall_s:.1f} | {cost.rows / cost.wall_s:.0f}"
            lines.append(f"| {count} | {workers} | {cost.rows} | {figures} |")
    lines += [
        "",
        "## Growth with prompts",
        "",
        "Single clicks on one object; a call for each prompt beside the study.",
        "",
    ]
    lines += ["| evaluations | loop, CPU ms each | study, CPU ms each | ratio |", "|---|---|---|---|"]
    for rows, theirs, mine in by_places(segmenter, places):
        lines.append(f"| {rows} | {theirs:.2f} | {mine:.2f} | {theirs / mine:.1f} |")
    return [*lines, ""]


def main() -> None:
    """Measure and print the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=8, help="for the embedded default")
    parser.add_argument("--vit-b-images", type=int, default=1, help="for vit_b with random weights; 0 leaves it out")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    default = promptseg.load("default")
    compare(default, 1)
    costs, equal = compare(default, options.images)
    words = {
        "command": "python benchmarks/study.py " + " ".join(sys.argv[1:]),
        "places": SETTINGS["location"].places,
        "rows": sum(costs[name]["study"].rows for name in SETTINGS) // options.images,
        "equal": 100 * equal,
        "machine": f"torch {torch.__version__}, {platform.machine()}, {os.cpu_count()} processors, "
        f"load {os.getloadavg()[1]:.1f}, {time.strftime('%Y-%m-%d')}.",
    }
    lines = comparison("The embedded default", costs, options.images)
    if options.vit_b_images:
        costs, _ = compare(random_vit_b(), options.vit_b_images)
        lines += comparison("vit_b with random weights", costs, options.vit_b_images)
    lines += growth(default, (1, 4, 16), (5, 30, 120))
    page = HEADING.format(**words) + "\n" + "\n".join(lines)
    print(page)
    if options.output:
        options.output.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
