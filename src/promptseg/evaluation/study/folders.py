"""The folder of a study: whose it is, what was run in it, and what a report says of that."""

import json
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, final

from promptseg._version import __version__
from promptseg.errors import ReadError, StudyError, WriteError
from promptseg.evaluation.study.recipe import StudyRecipe
from promptseg.evaluation.study.recipe_files import QUICK, read_study_recipe, study_recipe_toml
from promptseg.io.atomic import replacing
from promptseg.io.files import reason, shown
from promptseg.models.runtime import torch_facts

__all__ = ["StudyFolder", "machine_facts", "study_digest"]

_FACTS: Final = "study.json"
_RECIPE: Final = "recipe.toml"
_RUNS: Final = "runs"
_SHOWN: Final = 4
_PACKAGES: Final = ("numpy", "scipy", "torch", "scikit-image", "opencv-python-headless", "pandas", "pyarrow")


def study_digest(identity: Mapping[str, Any]) -> str:
    """What parts and tables of a study are marked with."""
    return sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()


def machine_facts() -> dict[str, Any]:
    """Versions and devices, as JSON can hold them; nothing that names the machine or its user."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return {
        "promptseg": __version__,
        "python": platform.python_version(),
        "packages": found,
        "system": f"{platform.system()} {platform.machine()}",
        "torch": torch_facts(),
    }


@final
@dataclass(frozen=True)
class StudyFolder:
    """Where a study is written.

    Attributes:
        folder: its place.
    """

    folder: Path

    @property
    def is_begun(self) -> bool:
        """Whether a study was begun here."""
        return (self.folder / _FACTS).is_file()

    def claim(self, identity: Mapping[str, Any], recipe: StudyRecipe, *, resume: bool) -> None:
        """Begin here, or see that the same study was begun here.

        Raises:
            StudyError: the folder holds something else, or a study already and ``resume`` is False.
            WriteError: it cannot be made.
        """
        if not self.is_begun:
            self._make()
        if not self.is_begun:
            self.write_facts({"identity": identity})  # first of all files: whatever a kill leaves, it says whose it is
        elif not resume:
            raise StudyError(
                f"{shown(self.folder)}: holds a study already; go on with --resume, or give another folder"
            )
        else:
            self.check_same(identity, recipe)
        self._write(_RECIPE, study_recipe_toml(recipe))

    def check_same(self, identity: Mapping[str, Any], recipe: StudyRecipe) -> None:
        """Refuse to go on with another study.

        Raises:
            StudyError: names what differs.
        """
        before = self.identity()
        changed = [name for name in identity if identity[name] != before.get(name)]
        if not changed:
            return
        words = {"units": "number of units", "sizes": "sizes of objects in the training part"}
        differing = [words.get(name, name) for name in changed if name != "recipe"]
        if "recipe" in changed:
            known = (self.folder / _RECIPE).is_file()
            differing = [*(_differences(self.recipe(), recipe) if known else ["recipe"]), *differing]
        raise StudyError(
            f"{shown(self.folder)}: was begun with other settings ({', '.join(differing[:_SHOWN])}); give the same, or "
            "another folder"
        )

    def identity(self) -> dict[str, Any]:
        """What makes it this study, see :meth:`Plan.identity`."""
        found: dict[str, Any] = self.facts()["identity"]
        return found

    def recipe(self) -> StudyRecipe:
        """The recipe with which it was begun or last resumed."""
        return read_study_recipe(self.folder / _RECIPE)

    def facts(self) -> dict[str, Any]:
        """What is known of the study.

        Raises:
            ReadError: the folder holds no study, or its file is damaged.
        """
        path = self.folder / _FACTS
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(found["identity"]["units"], int):
                return found
        except FileNotFoundError:
            raise ReadError(f"{shown(self.folder)}: holds no study; {_FACTS} is missing") from None
        except OSError as error:
            raise ReadError(f"{shown(path)}: cannot be read ({reason(error)})") from None
        except (ValueError, KeyError, TypeError):
            pass
        raise ReadError(f"{shown(path)}: is damaged; give another folder")

    def write_facts(self, facts: Mapping[str, Any]) -> None:
        """Write what is known of the study."""
        self._write(_FACTS, json.dumps(facts, indent=1) + "\n")

    def record_run(self, run: Mapping[str, Any]) -> None:
        """Note that a process worked here; shards that share the folder do not disturb each other."""
        try:
            (self.folder / _RUNS).mkdir(exist_ok=True)
        except OSError as error:
            raise WriteError(f"{shown(self.folder)}: cannot be written ({reason(error)})") from None
        self._write(f"{_RUNS}/{time.time_ns()}.json", json.dumps(run, indent=1) + "\n")

    def runs(self) -> list[dict[str, Any]]:
        """What :meth:`record_run` noted, in order."""
        return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((self.folder / _RUNS).glob("*.json"))]

    def words(self) -> dict[str, str]:
        """What a report says of how the study was made."""
        facts = self.facts()
        runs = facts.get("runs", [])
        found = {"version": facts["identity"]["version"]}
        if facts["identity"].get("quick"):
            found["quick"] = QUICK
        if facts.get("command"):
            found["command"] = facts["command"]
        found["images"] = ", ".join(f"{name} {count}" for name, count in facts.get("images", {}).items())
        found["evaluations"] = f"{facts.get('rows', 0):,}"
        found["time"] = f"{sum(run['seconds'] for run in runs):,.0f} s in {len(runs)} runs"
        machines = {_machine(run) for run in runs}
        found["machine"] = "; ".join(sorted(machines))
        for name, digest in facts["identity"]["weights"].items():
            found[f"weights of {name}"] = digest[:16]
        for name, why in facts.get("left_out", {}).items():
            found[f"left out: {name}"] = why
        return found

    def _make(self) -> None:
        """An empty folder, unless another shard begins in it just now."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            strangers = [path.name for path in self.folder.iterdir() if not path.name.startswith(".")]
        except OSError as error:
            raise WriteError(f"{shown(self.folder)}: cannot be made ({reason(error)})") from None
        if strangers and not self.is_begun:
            raise StudyError(f"{shown(self.folder)}: is not empty ({strangers[0]}, ...); give a new folder")

    def _write(self, name: str, text: str) -> None:
        with replacing(self.folder / name) as file:
            file.write(text.encode())


def _machine(run: Mapping[str, Any]) -> str:
    machine = run["machine"]
    torch = machine["torch"]
    device = ", ".join(torch["cuda"]) if run["device"] == "cuda" else run["device"]
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items() if number[:1].isdigit())
    return f"{machine['system']}, {run['workers']} workers, {device}; Python {machine['python']}, {packages}"


def _differences(before: StudyRecipe, now: StudyRecipe) -> list[str]:
    """Keys of settings that matter to the table and differ."""
    ours, theirs = (_flat(recipe.model_dump(mode="json"), "") for recipe in (before, now))
    return [
        key
        for key in dict.fromkeys((*ours, *theirs))
        if ours.get(key) != theirs.get(key)
        and not key.startswith(("name", "statistics."))
        and key.rpartition(".")[2] not in {"path", "split", "weights"}
    ]


def _flat(value: Any, key: str) -> dict[str, Any]:  # noqa: ANN401 (whatever JSON can hold)
    if isinstance(value, Mapping):
        items = [(f"{key}.{name}" if key else str(name), item) for name, item in value.items()]
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        items = [(f"{key}.{item.get('name', number)}", item) for number, item in enumerate(value)]
    else:
        return {key: value}
    return {name: found for place, item in items for name, found in _flat(item, place).items()}
