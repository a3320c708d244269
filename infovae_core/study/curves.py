"""How curves of training are stored, and when they reach a target."""

from collections.abc import Sequence

# Steps averaged into one point of a stored training curve.
CURVE_EVERY = 20


def steps_to_hold(curve: Sequence[tuple[float, float]], target: float) -> float | None:
    """The first step from which a curve of (step, value) stays at most the target, else None."""
    held = None
    for step, value in reversed(curve):
        if not value <= target:
            break
        held = step
    return held


def steps_to_target(curve: Sequence[tuple[float, float]], target: float) -> float | None:
    """The first step of a curve of (step, value) whose value is at most the target, else None."""
    return next((step for step, value in curve if value <= target), None)
