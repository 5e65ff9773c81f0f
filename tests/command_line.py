"""Types of the fixture ``call``, which runs the command line in the process of the test."""

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Calling", "Ended"]


class Ended(NamedTuple):
    """How a call ended."""

    status: int
    out: str
    err: str


Calling = Callable[..., Ended]
