"""What a metric gives where the reference, the prediction or both are empty: one stated policy for all of them.

| policy | both empty | only the reference empty | only the prediction empty |
|---|---|---|---|
| ``one_if_both_empty`` | best value | worst value | worst value |
| ``skip`` | NaN: left out | NaN: left out | worst value |
| ``zero`` | worst value | worst value | worst value |
| ``nan`` | NaN | NaN for distances, else worst value | NaN for distances, else worst value |

``nan`` gives NaN exactly where the formula divides by zero or a distance to nothing would be needed. The best and the
worst value are 1 and 0 for overlaps; for distances 0 and the diagonal of the image, which no real distance exceeds.
Pixel accuracy and MAE need no object: they follow their formula under every policy but ``skip``.
NaN comes only from the two policies that ask for it, and summaries leave it out and say how often.
"""

import math
from typing import Final, Literal, get_args

from promptseg.errors import UnknownNameError

__all__ = ["EMPTY_POLICIES", "EmptyPolicy", "check_empty_policy", "value_if_empty"]

EmptyPolicy = Literal["one_if_both_empty", "skip", "zero", "nan"]
EMPTY_POLICIES: Final[tuple[EmptyPolicy, ...]] = get_args(EmptyPolicy)
"""What is done with empty masks; the first is the default."""


def value_if_empty(
    found: tuple[bool, bool], *, empty: EmptyPolicy, best: float, worst: float, distance: bool = False
) -> float | None:
    """What a metric gives by policy; None where both masks hold a pixel and the formula applies.

    Args:
        found: whether (the reference, the prediction) holds a pixel.
        empty: the policy.
        best: the metric's best value.
        worst: the metric's worst value.
        distance: whether the metric is undefined as soon as one mask is empty.

    >>> value_if_empty((True, False), empty="zero", best=1, worst=0)
    0.0

    Raises:
        UnknownNameError: if there is no such policy.
    """
    check_empty_policy(empty)
    in_reference, in_prediction = found
    if in_reference and in_prediction:
        return None
    both_empty = not in_reference and not in_prediction
    undefined = {"skip": not in_reference, "nan": both_empty or distance}
    if undefined.get(empty, False):
        return math.nan
    return float(best if both_empty and empty == "one_if_both_empty" else worst)


def check_empty_policy(empty: str) -> EmptyPolicy:
    """The policy of this name.

    Raises:
        UnknownNameError: there is none; the message lists those that exist.
    """
    for policy in EMPTY_POLICIES:
        if policy == empty:
            return policy
    raise UnknownNameError(f"unknown policy for empty masks {empty!r}; choose one of {', '.join(EMPTY_POLICIES)}")
