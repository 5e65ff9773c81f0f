"""Numbers that users give as settings."""

from promptseg.errors import ValueRangeError

__all__ = ["check_number", "check_whole"]


def check_whole(value: object, name: str, *, least: int, most: int | None = None) -> None:
    """Refuse what is no whole number from ``least`` to ``most``; True and False are no numbers.

    Raises:
        ValueRangeError: names the setting.
    """
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):  # type: ignore[operator]  # it is an int here
        bounds = f"from {least}" if most is None else f"from {least} to {most}"
        raise ValueRangeError(f"{name} must be a whole number {bounds}, got {value!r}")


def check_number(value: object, name: str, *, least: float, below: float) -> None:
    """Refuse what is no number from ``least`` to below ``below``; NaN, True and False are none.

    Raises:
        ValueRangeError: names the setting.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < below:
        raise ValueRangeError(f"{name} must be a number from {least:g} to below {below:g}, got {value!r}")
