"""Write docs/reference/models.md from the table of models: ``python tools/models_reference.py [--check]``."""

import sys
from pathlib import Path

from promptseg.models.preprocessing import Preprocessing
from promptseg.models.zoo import MODELS, ModelEntry

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "models.md"

HEAD = """# Models

<!-- Written by tools/models_reference.py from promptseg.models.zoo. -->

`promptseg models list` prints this table, `promptseg models show NAME` one row with all its details, and
`promptseg.load(NAME)` loads a model. Those without a publisher below are part of the package; for the others see
[use SAM, MedSAM, MobileSAM and SAM 2](../how-to/use-checkpoints.md).
"""

INTENSITY = {
    "display": "8-bit display copy",
    "min-max": "rescaled to 0..1 by minimum and maximum",
    "standardise": "mean 0 and deviation 1 over the image",
}


def render() -> str:
    """The whole page."""
    lines = [
        HEAD,
        "| name | what it is | default policy | file | licence of the weights |",
        "|---|---|---|---|---|",
        *(_row(entry) for entry in MODELS.values()),
        "",
        "## How each one wants its pixels",
        "",
        "| name | fitted into | intensities | normalised by |",
        "|---|---|---|---|",
        *(f"| `{entry.name}` | {_pixels(entry.preprocessing)} |" for entry in MODELS.values()),
        "",
        "*Letterbox* keeps the aspect and pads below and to the right; *squash* does not keep it. See",
        "[coordinates and frames](../explanation/coordinates.md) and [policies](../explanation/policies.md).",
        "",
        "## Each one",
        "",
        *(line for entry in MODELS.values() for line in _details(entry)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _row(entry: ModelEntry) -> str:
    file = "in the package" if entry.origin is None else f"{entry.origin.size_bytes / 1e6:,.0f} MB"
    return f"| `{entry.name}` | {entry.note} | `{entry.default_policy}` | {file} | {entry.licence} |"


def _pixels(pixels: Preprocessing) -> str:
    channels = "grey" if pixels.channels == 1 else "RGB"
    normalised = "as it is" if pixels.mean is None else "mean and deviation of ImageNet"
    return (
        f"{pixels.side} px, {pixels.fit}, {pixels.resample}, {channels} | {INTENSITY[pixels.intensity]} | {normalised}"
    )


def _details(entry: ModelEntry) -> list[str]:
    origin = entry.origin
    if origin is None:
        return []
    return [
        f"### {entry.name}",
        "",
        f"- Publisher: <{entry.page}>",
        f"- Cite: {entry.citation}",
        f"- File: `{origin.file}`, {origin.size_bytes:,} bytes, from <{origin.url}>",
        f"- SHA-256: `{origin.sha256}`",
        f"- Source of size and digest: {origin.source}",
        "",
    ]


def main(arguments: list[str]) -> int:
    """Write the page, or with ``--check`` compare it; 1 if it differs."""
    page = render()
    if "--check" in arguments:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page:
            print(f"{PAGE.name} is not up to date: run python tools/models_reference.py")
            return 1
        return 0
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
