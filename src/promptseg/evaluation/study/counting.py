"""How much a study will evaluate, counted without a model: each experiment is asked about one small object."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, final, overload

import numpy as np

from promptseg.evaluation.peers import PEERS
from promptseg.evaluation.study.contenders import (
    OpenSegmenter,
    Ready,
    open_segmenter,
    ready_contenders,
    refused_prompts,
)
from promptseg.evaluation.study.experiments import EXPERIMENTS
from promptseg.evaluation.study.planning import (
    READERS,
    Contender,
    Plan,
    Progress,
    StudiedImage,
    make_plan,
    studied_objects,
)
from promptseg.evaluation.study.recipe import StudyRecipe
from promptseg.evaluation.study.scene import Scene, StudiedObject
from promptseg.types import Candidates, Embedding, Floats, Image, Pixels, Policy, Prompts, offered_policies

__all__ = ["Counted", "count_plan"]

_SIDE: Final = 48
_MASKS: Final = 3


@final
@dataclass(frozen=True, eq=False)
class Counted:
    """How much there is to do.

    Attributes:
        plan: what was counted.
        objects: by data set and label.
        evaluations: by contender and experiment, for all objects; clicks end early where a mask is perfect.
        left_out: what cannot be done, and why.
    """

    plan: Plan
    objects: dict[tuple[str, str], int]
    evaluations: dict[tuple[str, str], int]
    left_out: dict[str, str]

    def lines(self) -> list[str]:
        """In words."""
        found = []
        for data in self.plan.recipe.data:
            images = sum(image.data is data for image in self.plan.images)
            labels = ", ".join(f"{label} {count}" for (name, label), count in self.objects.items() if name == data.name)
            found.append(f"{data.name}: {images} images; objects: {labels}")
        for contender in self.plan.contenders:
            mine = {name: count for (who, name), count in self.evaluations.items() if who == contender.name and count}
            parts = [f"{name} {count:,}" for name, count in mine.items()]
            found.append(f"{contender.name}: {', '.join(parts) or 'nothing'}")
        found += [f"left out: {name}: {why}" for name, why in self.left_out.items()]
        found.append(f"at most {sum(self.evaluations.values()):,} evaluations in {len(self.plan):,} units")
        return found

    def as_json(self) -> dict[str, Any]:
        """The same as values that JSON can hold."""
        return {
            "images": {
                data.name: sum(image.data is data for image in self.plan.images) for data in self.plan.recipe.data
            },
            "objects": [
                {"dataset": dataset, "label": label, "count": count} for (dataset, label), count in self.objects.items()
            ],
            "evaluations": [
                {"model": model, "experiment": experiment, "count": count}
                for (model, experiment), count in self.evaluations.items()
            ],
            "units": len(self.plan),
            "left_out": dict(self.left_out),
        }


def count_plan(
    recipe: StudyRecipe,
    *,
    device: str = "auto",
    progress: Progress | None = None,
    open_one: OpenSegmenter = open_segmenter,
) -> Counted:
    """Check data and models of a study, and count; nothing is written. Errors as for running it."""
    plan = make_plan(recipe, progress=progress)
    ready = ready_contenders(recipe, plan.contenders, open_one, device=device, object_shares=plan.object_shares)
    by_image = _objects(plan, progress)
    objects: dict[tuple[str, str], int] = {}
    for image, labels in by_image:
        for label in labels:
            objects[image.data.name, label] = objects.get((image.data.name, label), 0) + 1
    evaluations: dict[tuple[str, str], int] = {}
    for contender in plan.contenders:
        answering = next((one for one in ready.values() if one.name == contender.name), None)
        if answering is None:
            continue
        for experiment in contender.experiments:
            for_each = _for_an_object(answering, experiment, recipe)
            asked = sum(_asked(plan, image, contender, experiment, labels) for image, labels in by_image)
            evaluations[contender.name, experiment] = for_each * asked
    left_out = {**plan.left_out, **refused_prompts(plan.contenders, ready)}
    return Counted(plan, dict(sorted(objects.items())), evaluations, left_out)


def _objects(plan: Plan, progress: Progress | None) -> list[tuple[StudiedImage, list[str]]]:
    """The labels of all objects of each image."""

    def labels(image: StudiedImage) -> tuple[StudiedImage, list[str]]:
        return image, [item.label for item in studied_objects(image.sample, image.data, seed=plan.recipe.seed)]

    found = []
    with ThreadPoolExecutor(READERS) as pool:
        for one in pool.map(labels, plan.images):
            found.append(one)
            if progress is not None:
                progress("counting objects", len(found), len(plan.images))
    return found


def _asked(plan: Plan, image: StudiedImage, contender: Contender, experiment: str, labels: Sequence[str]) -> int:
    """About how many objects of an image a contender is asked in an experiment."""
    if experiment == "everything" and not image.everything:
        return 0
    if contender.peer and PEERS[contender.name].needs_share:
        return sum((image.data.name, label) in plan.object_shares for label in labels)
    return len(labels)


def _for_an_object(ready: Ready, experiment: str, recipe: StudyRecipe) -> int:
    mask = np.zeros((_SIDE, _SIDE), dtype=np.bool_)
    mask[8:40, 8:40] = True
    image = Image(np.zeros((_SIDE, _SIDE), dtype=np.uint8))
    blank = _Blank(ready)
    scene = Scene(
        image=image,
        segmenter=blank,
        embedding=blank.embed(image),
        objects=(StudiedObject("object", 0, mask),),
        policies=ready.policies,
        accepts=ready.accepts,
        key="counting",
        seed=recipe.seed,
    )
    return sum(1 for _ in EXPERIMENTS[experiment](scene, getattr(recipe.experiments, experiment)))


@final
class _Blank:
    """Stands for a model: it offers what the model offers, and finds nothing."""

    def __init__(self, ready: Ready) -> None:
        self.name = ready.segmenter.name
        self.default_policy: Policy = ready.segmenter.default_policy
        self.policies = offered_policies(ready.segmenter)
        self.accepts = ready.accepts

    def embed(self, image: Image | Pixels) -> Embedding:
        """Nothing but the size."""
        pixels = image.pixels if isinstance(image, Image) else image
        return Embedding({}, (pixels.shape[0], pixels.shape[1]), self.name)

    @overload
    def segment(self, embedding: Embedding, prompts: Prompts, *, choose: Policy | None = None) -> Candidates: ...
    @overload
    def segment(
        self, embedding: Embedding, prompts: Sequence[Prompts], *, choose: Policy | None = None
    ) -> list[Candidates]: ...
    def segment(
        self, embedding: Embedding, prompts: Prompts | Sequence[Prompts], *, choose: Policy | None = None
    ) -> Candidates | list[Candidates]:
        """Empty masks."""
        policy = self.default_policy if choose is None else choose
        masks = 1 if policy == "single" or set(self.policies) <= {"single"} else _MASKS
        one = Candidates(
            low_res_logits=np.full((masks, *embedding.image_size), -1, dtype=np.float32),
            scores=np.zeros(masks, dtype=np.float32),
            policy=policy,
            image_size=embedding.image_size,
            model=self.name,
            to_image=_as_it_is,
        )
        return one if isinstance(prompts, Prompts) else [one] * len(prompts)


def _as_it_is(logits: Floats) -> Floats:
    return logits
