"""Make the pictures of the documentation with the embedded model: ``python tools/demo_pictures.py``.

They are those of ``promptseg demo``, cropped to the scan, so no text burned into the images is on them.
"""

import tempfile
from pathlib import Path

from PIL import Image

from promptseg.cli.main import run

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
SHOWN = ("overview", "heart-click", "nodes-two-boxes")


def main() -> None:
    """Run the demo and copy what the pages show."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            run(["demo", "--output", folder])
        except SystemExit as end:
            if end.code:
                raise
        for name in SHOWN:
            with Image.open(Path(folder, f"{name}.png")) as picture:
                picture.save(IMAGES / f"{name}.webp", quality=88, method=6)


if __name__ == "__main__":
    main()
