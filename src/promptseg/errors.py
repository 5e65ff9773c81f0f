"""Every error that a user can meet, as one tree.

Each message names what was wrong, what was expected, what was given and what to do next. The command line prints
the message on one line and exits with status 1; programs catch :class:`PromptsegError` or a branch of it.
"""

__all__ = [
    "CheckpointError",
    "DatasetError",
    "FetchError",
    "GeometryError",
    "LeakError",
    "LimitError",
    "MissingExtraError",
    "PairingError",
    "PromptError",
    "PromptsegError",
    "ReadError",
    "RecipeError",
    "StudyError",
    "TrainingError",
    "UnknownNameError",
    "ValueRangeError",
    "WriteError",
]


class PromptsegError(Exception):
    """The root: an error that the user can understand and mend."""


class ReadError(PromptsegError):
    """A file cannot be read: missing, empty, truncated, of an unknown format or not what its name says."""


class LimitError(ReadError):
    """A file would exceed a limit on decoded pixels, files or frames; it was refused before decoding."""


class GeometryError(ReadError):
    """Files that should form one volume do not: gaps, mixed orientations, sizes or series."""


class WriteError(PromptsegError):
    """A result cannot be written; nothing half-written is left behind."""


class PromptError(PromptsegError, ValueError):
    """A point, box or mask prompt is not usable on this image."""


class ValueRangeError(PromptsegError, ValueError):
    """An array or a setting has a wrong shape, type or range, or holds NaN."""


class RecipeError(ValueRangeError):
    """A recipe of training or of a study has mistakes; the message names all of them."""


class TrainingError(PromptsegError):
    """A training run cannot begin, go on or be resumed; what it reached so far is kept."""


class StudyError(PromptsegError):
    """A study cannot begin, go on or be merged; what it finished so far is kept."""


class CheckpointError(PromptsegError):
    """A file of weights is damaged, of another architecture, or incomplete."""


class FetchError(PromptsegError):
    """A download failed: offline, refused, broken or of the wrong checksum."""


class UnknownNameError(PromptsegError, LookupError):
    """A name is not in its table; the message lists the names that are."""


class MissingExtraError(PromptsegError, ImportError):
    """An optional dependency is needed; the message says which extra installs it."""


class PairingError(PromptsegError):
    """Reference and predicted masks cannot be paired by name, or their sizes differ."""


class DatasetError(PromptsegError):
    """A data set or a split is not as it should be: images without masks, masks of another size, no samples."""


class LeakError(PromptsegError):
    """Images of one group (near-duplicates, one subject) stand in training and in test; scores would mean nothing."""
