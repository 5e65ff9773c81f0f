"""Warnings that a reader gives, and silence for those of the libraries, which may quote patient data."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["CalibrationWarning", "ReadWarning", "quiet_libraries"]

_LOCK: Final = threading.RLock()
_LOGGERS: Final = ("pydicom", "highdicom", "nibabel.global", "tifffile", "PIL")


class ReadWarning(UserWarning):
    """Something in a file was left out; what was read is right."""


class CalibrationWarning(ReadWarning):
    """A file states a pixel size that cannot be right, so the size is treated as unknown."""


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Drop what libraries warn and log meanwhile; promptseg's own warnings are given at the end.

    pydicom and others quote the values of a file in warnings and log lines, so those would leak patient data.
    Python's warning state belongs to the process, so one thread at a time is in here.
    """
    with _LOCK:
        loggers = [logging.getLogger(name) for name in _LOGGERS]
        before = [logger.level for logger in loggers]
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                for logger in loggers:
                    logger.setLevel(logging.CRITICAL + 1)
                yield
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)
    for notice in caught:
        if issubclass(notice.category, ReadWarning):
            warnings.warn(notice.message, notice.category, stacklevel=4)
