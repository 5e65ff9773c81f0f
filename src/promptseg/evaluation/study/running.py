"""One image before one model or peer: all experiments, scored."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, final

from promptseg.errors import DatasetError, PromptsegError, StudyError, WriteError
from promptseg.evaluation.study.contenders import OpenSegmenter, Ready, name_of_peer, ready_contenders
from promptseg.evaluation.study.experiments import EXPERIMENTS
from promptseg.evaluation.study.parts import Parts
from promptseg.evaluation.study.planning import Contender, Plan, StudiedImage, Unit, studied_objects
from promptseg.evaluation.study.scene import Scene, StudiedObject
from promptseg.evaluation.study.scoring import Row, Scorer, checked, metric_columns
from promptseg.models.runtime import wait_for_devices
from promptseg.types import Image

__all__ = ["Bench", "Job"]


@final
@dataclass(frozen=True, eq=False)
class Job:
    """What a process needs to do units of a study; it can be sent to another process.

    Attributes:
        plan: of the study.
        folder: where parts are written.
        study: digest of its identity.
        device: where models answer.
        open_segmenter: how models are opened.
    """

    plan: Plan
    folder: Path
    study: str
    device: str
    open_segmenter: OpenSegmenter

    @property
    def parts(self) -> Parts:
        """Where finished units lie."""
        return Parts(self.folder, self.study, metric_columns(self.plan.recipe))


@final
@dataclass(frozen=True, eq=False)
class _Looked:
    """An image that was read, with its objects, whose distances are computed once for all models."""

    image: StudiedImage
    picture: Image
    objects: tuple[StudiedObject, ...]


@final
class Bench:
    """A process's opened models and the image that it has before it."""

    def __init__(self, job: Job, ready: Mapping[str, Ready] | None = None) -> None:
        """Open all models and peers, if they are not given."""
        self._job, self._parts = job, job.parts
        plan = job.plan
        self._ready = ready or ready_contenders(
            plan.recipe,
            plan.contenders,
            job.open_segmenter,
            device=job.device,
            object_shares=plan.object_shares,
        )
        self._looked: _Looked | None = None

    def do(self, unit: Unit) -> int:
        """Do a unit and write its part; gives the number of rows.

        Raises:
            StudyError: the image cannot be read, or the model fails on it; names both.
            WriteError: the part cannot be written.
        """
        plan = self._job.plan
        name = plan.name(unit)
        try:
            rows = list(checked(self._rows(unit), name))
        except WriteError:
            raise
        except PromptsegError as error:
            raise StudyError(
                f"{name}: {error} (what is finished is kept: mend this, then go on with --resume)"
            ) from error
        self._parts.write(unit.number, name, rows)
        return len(rows)

    def _rows(self, unit: Unit) -> Iterator[Row]:
        plan = self._job.plan
        contender = plan.contenders[unit.contender]
        looked = self._look(plan.images[unit.image])
        scorer = Scorer.of(plan.recipe)
        for ready, objects in self._groups(looked, contender):
            wait_for_devices()
            start = perf_counter()
            embedding = ready.segmenter.embed(looked.picture)
            wait_for_devices()
            place = {**_place(looked.image, contender), "embed_seconds": perf_counter() - start}
            scene = Scene(
                image=looked.picture,
                segmenter=ready.segmenter,
                embedding=embedding,
                objects=objects,
                policies=ready.policies,
                accepts=ready.accepts,
                key=looked.image.key,
                seed=plan.recipe.seed,
            )
            for experiment in contender.experiments:
                if experiment == "everything" and not looked.image.everything:
                    continue
                settings = getattr(plan.recipe.experiments, experiment)
                for evaluation in EXPERIMENTS[experiment](scene, settings):
                    named = {**place, "experiment": experiment}
                    yield scorer.row(evaluation, named, spacing_mm=looked.picture.spacing_mm)

    def _look(self, image: StudiedImage) -> _Looked:
        if self._looked is None or self._looked.image is not image:
            picture = image.sample.read_image()
            objects = studied_objects(image.sample, image.data, seed=self._job.plan.recipe.seed)
            for item in objects:
                if item.mask.shape != picture.size:
                    raise DatasetError(
                        f"the mask of {item.label!r} has {item.mask.shape} rows and columns, its image {picture.size}; "
                        "export them again in one size"
                    )
            self._looked = _Looked(image, picture, objects)
        return self._looked

    def _groups(self, looked: _Looked, contender: Contender) -> Iterator[tuple[Ready, tuple[StudiedObject, ...]]]:
        """Who answers for which objects: peers know how large those of each label are, if the training part tells."""
        if not contender.peer:
            if looked.objects:
                yield self._ready[contender.name], looked.objects
            return
        for label in dict.fromkeys(item.label for item in looked.objects):
            knowing = name_of_peer(contender.name, looked.image.data.name, label)
            ready = self._ready.get(knowing) or self._ready.get(contender.name)
            if ready is not None:
                yield ready, tuple(item for item in looked.objects if item.label == label)


def _place(image: StudiedImage, contender: Contender) -> dict[str, Any]:
    return {
        "dataset": image.data.name,
        "image": image.name,
        "group": image.group,
        "stratum": image.sample.stratum,
        "model": contender.name,
    }
