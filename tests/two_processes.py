"""One of two processes that train together and then say what weights they have."""

from pathlib import Path

import torch
from phantom_samples import phantoms

from promptseg.models.run_folder import weights_sha256
from promptseg.training.loop import Loop
from promptseg.training.planning import make_plan
from promptseg.training.processes import Team
from promptseg.training.progress import Silence
from promptseg.training.recipe import Recipe
from promptseg.training.supply import LiveSupply, Reader

__all__ = ["train_and_tell"]


def train_and_tell(recipe: Recipe, folder: Path) -> None:
    """Write the digest of the trained weights into the folder, under the rank."""
    team = Team(device="cpu" if torch.cuda.is_available() else "auto")  # auto must find the processor, too
    plan = make_plan(recipe, samples=phantoms())
    segmenter = plan.segmenter
    reader = Reader(recipe.data, segmenter.preprocessing, segmenter.network.grid_side, recipe.augmentation)
    supply = LiveSupply(plan.train, reader, seed=recipe.seed, objects=1, device=team.device)
    if team.first:
        (folder / "checkpoints").mkdir(parents=True)
    team.wait()
    Loop(plan, folder, team, Silence()).run(supply, None)
    (folder / f"weights-{team.rank}").write_text(weights_sha256(segmenter.network))
    team.leave()
