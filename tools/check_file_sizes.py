"""Refuse files that are too large for the repository: ``python tools/check_file_sizes.py FILE ...``."""

import sys
from pathlib import Path

LIMIT_BYTES = 10 * 2**20


def main(paths: list[str]) -> int:
    """Name the files above the limit; 1 if there are any."""
    too_large = [path for path in paths if Path(path).stat().st_size > LIMIT_BYTES]
    for path in too_large:
        print(f"{path} is larger than {LIMIT_BYTES / 2**20:g} MiB")
    return 1 if too_large else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
