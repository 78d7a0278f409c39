"""The state of an alarm from its datapoints, as AWS publishes it ("How alarm state is evaluated when data is missing")."""

from __future__ import annotations

from typing import Optional, Sequence

# CloudWatch looks at some more periods than it evaluates, and takes real datapoints first.
EXTRA_PERIODS = 2


def state_of(points: Sequence[Optional[bool]], evaluate: int, needed: int, treat: str) -> Optional[str]:
    """
    points: oldest first, one per period; True is breaching, False is not, None is missing.
    evaluate, needed: N and M of "M out of N".
    treat: missing, ignore, breaching or notBreaching.
    Returns ALARM, OK or INSUFFICIENT_DATA; None when the alarm keeps its state.
    """
    real = [point for point in points if point is not None][-evaluate:]
    absent = evaluate - len(real)
    if absent > 0 and treat in ("breaching", "notBreaching"):
        real += [treat == "breaching"] * absent
        absent = 0
    if absent == 0:
        return "ALARM" if sum(real) >= needed else "OK"
    if not real:
        return None if treat == "ignore" else "INSUFFICIENT_DATA"
    if not all(real):
        return "ALARM" if sum(real) >= needed else "OK"
    if treat == "ignore":
        return None
    oldest = next(age for age, point in zip(range(len(points), 0, -1), points) if point)
    return "ALARM" if oldest >= needed else None
