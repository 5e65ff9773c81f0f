"""``promptseg models``: which models there are, and what is on this machine."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from promptseg.cli.output import print_json, print_line, say

if TYPE_CHECKING:
    from promptseg.models.network import Network
    from promptseg.models.zoo import ModelEntry

__all__ = ["app"]

app = typer.Typer(
    name="models", help="List, inspect, fetch, verify and convert models.", no_args_is_help=True, add_completion=False
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of a model, see `promptseg models list`.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


@app.command("list")
def list_models(*, as_json: AsJson = False) -> None:
    """All models that are known by name, and which of them are on this machine."""
    from promptseg.models.fetch import models_folder
    from promptseg.models.zoo import MODELS

    if as_json:
        print_json({"folder": str(models_folder()), "models": [_facts(entry) for entry in MODELS.values()]})
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE)
    for heading in ("name", "here", "size", "what it is"):
        table.add_column(heading, justify="right" if heading == "size" else "left", no_wrap=heading != "what it is")
    for entry in MODELS.values():
        size = "" if entry.origin is None else f"{entry.origin.size_bytes / 1e6:.0f} MB"
        table.add_row(entry.name, _whereabouts(entry), size, entry.note)
    console = Console() if sys.stdout.isatty() else Console(width=120)
    console.print(table)
    say(f"fetched files are kept in {models_folder()}; PROMPTSEG_HOME moves it")


@app.command()
def show(name: Name, *, as_json: AsJson = False) -> None:
    """One model: its network, preprocessing, licence, origin, size and checksum."""
    entry = _entry(name)
    facts = _facts(entry)
    if as_json:
        print_json(facts)
        return
    for fact, value in _flat(facts):
        print_line(f"{fact:28} {value}")


@app.command()
def fetch(
    name: Name,
    *,
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="URL|FILE", help="Take it from here instead; it must be the published file."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Fetch it again although it is here.")] = False,
    as_json: AsJson = False,
) -> None:
    """Download a model's weights, or take them from a file that was copied here, and check them.

    A transfer that breaks off is continued, now or at the next call.
    """
    from promptseg.models import fetch as fetching

    entry = _entry(name)
    with _progress(name) as progress:
        path = fetching.fetch(entry, source=source, force=force, progress=progress)
    if as_json:
        print_json({"name": name, "path": str(path), "bytes": path.stat().st_size})
    else:
        print_line(str(path))


@app.command()
def verify(
    model: Annotated[str, typer.Argument(metavar="NAME|FILE", help="Name of a model, or a file or folder of weights.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Check that weights are whole: the published checksum where there is one, and that every weight fits."""
    from promptseg.models import fetch as fetching
    from promptseg.models.checkpoints import open_network
    from promptseg.models.zoo import MODELS

    path = _located(model)
    entry = MODELS.get(model)
    if entry is not None and entry.origin is not None:
        fetching.verify(entry, path)
    network, fitting = open_network(path, like=None if entry is None else entry.name)
    facts = {"path": str(path), **_file_facts(path), "model": fitting, **_network_facts(network)}
    if as_json:
        print_json(facts)
        return
    for fact, value in _flat(facts):
        print_line(f"{fact:28} {value}")
    published = facts["published_as"]
    origin = f"it is the published file of {published}" if published else "it is not published"
    if entry is not None and entry.origin is None:
        origin = "it is the one inside the package"
    say(f"good: every weight fits; {origin}")


@app.command()
def convert(
    source: Annotated[str, typer.Argument(metavar="SRC", help="A file or folder of weights, or the name of a model.")],
    destination: Annotated[Path, typer.Argument(metavar="DST", help="A new file, named *.safetensors.")],
    *,
    like: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="The model whose preprocessing it needs, such as medsam-vit-b."),
    ] = None,
    half: Annotated[bool, typer.Option("--half", help="Half precision: half the size, slightly rounded.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace DST if it is there.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write any readable weights as one of our own files, which names its network and preprocessing.

    MedSAM's weights look like SAM's: say --as medsam-vit-b for them.
    """
    from promptseg.errors import WriteError
    from promptseg.io.files import shown
    from promptseg.models.checkpoints import open_network
    from promptseg.models.saving import save_network
    from promptseg.models.zoo import MODELS

    if os.path.lexists(destination) and not force:
        raise WriteError(f"{shown(destination)}: is there already; give another name, or --force")
    path = _located(source)
    network, model = open_network(path, like=like or (source if source in MODELS else None))
    save_network(network, destination, model=model, precision="float16" if half else "float32")
    facts = {"path": str(destination), "bytes": destination.stat().st_size, "model": model, **_network_facts(network)}
    if as_json:
        print_json(facts)
    else:
        print_line(str(destination))
        say(f"{facts['bytes'] / 1e6:.1f} MB, {facts['architecture']}, preprocessing of {model}")


def _entry(name: str) -> "ModelEntry":
    from promptseg.errors import UnknownNameError
    from promptseg.models.zoo import MODELS

    if name not in MODELS:
        raise UnknownNameError(f"there is no model {name!r}; the known ones are {', '.join(MODELS)}")
    return MODELS[name]


def _located(model: str) -> Path:
    """The file of a model's name, or the path itself."""
    from promptseg.errors import FetchError, UnknownNameError
    from promptseg.io.files import shown
    from promptseg.models.fetch import local_path
    from promptseg.models.state_files import weights_at
    from promptseg.models.zoo import MODELS

    if model not in MODELS:
        path = weights_at(model)
        if path is None:
            raise UnknownNameError(
                f"there is no file {shown(model)} and no model of that name; the known ones are {', '.join(MODELS)}"
            )
        return path
    if MODELS[model].origin is None:
        from promptseg.models.own_weights import EMBEDDED

        return EMBEDDED[model]
    found = local_path(MODELS[model])
    if found is None:
        raise FetchError(f"the weights of {model} are not on this machine; run `promptseg models fetch {model}`")
    return found


def _whereabouts(entry: "ModelEntry") -> str:
    from promptseg.models.fetch import local_path

    if entry.origin is None:
        return "embedded"
    return "yes" if local_path(entry) is not None else "no"


def _facts(entry: "ModelEntry") -> dict[str, Any]:
    from dataclasses import asdict

    from promptseg.models.fetch import local_path
    from promptseg.models.sizes import sizes_to_json

    path = local_path(entry)
    return {
        "name": entry.name,
        "note": entry.note,
        "architecture": entry.architecture,
        "sizes": None if entry.sizes is None else sizes_to_json(entry.sizes),
        "preprocessing": asdict(entry.preprocessing),
        "default_policy": entry.default_policy,
        "licence": entry.licence,
        "page": entry.page,
        "citation": entry.citation,
        "origin": None if entry.origin is None else asdict(entry.origin),
        "here": _whereabouts(entry),
        "path": None if path is None else str(path),
    }


def _file_facts(path: Path) -> dict[str, Any]:
    from promptseg.models.fetch import digest_of
    from promptseg.models.zoo import MODELS

    if path.is_dir():
        return {"bytes": None, "sha256": None, "published_as": None}
    digest = digest_of(path)
    published = [name for name, entry in MODELS.items() if entry.origin is not None and entry.origin.sha256 == digest]
    return {"bytes": path.stat().st_size, "sha256": digest, "published_as": published[0] if published else None}


def _network_facts(network: "Network") -> dict[str, Any]:
    from promptseg.models.saving import architecture_of
    from promptseg.models.sizes import sizes_to_json

    sizes = getattr(network, "sizes", None)
    return {
        "architecture": architecture_of(network),
        "sizes": None if sizes is None else sizes_to_json(sizes),
        "side": network.side,
        "parameters": sum(value.numel() for value in network.module.parameters()),
    }


def _flat(facts: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Facts line by line; those of a fact stand under its name with a dot."""
    for name, value in facts.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", "-" if value is None else str(value)


@contextmanager
def _progress(name: str) -> "Iterator[Callable[[int, int], None] | None]":
    """A progress bar on standard error if that is a terminal, else nothing."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn(name), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name)

        def update(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield update
