"""Tracking identifiers: one for each finding of a case, no two alike, and the same again in every edition."""

from collections.abc import Iterable, Sequence

from vetflow.domain.finding import Finding


def identifiers(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Return the tracking identifier of each finding, in their order.

    Findings that would share one are numbered by where they lie, image by image and from the top left, and not by
    the order they come in: a newer model may rank them differently.
    """
    told: dict[int, str] = {}
    for number in sorted(range(len(findings)), key=lambda number: _place(findings[number])):
        told[number] = unlike(findings[number].tracking, told.values())
    return tuple(told[number] for number in range(len(findings)))


def unlike(identifier: str, others: Iterable[str]) -> str:
    """Return the identifier, numbered from 2 where others have it already."""
    taken, candidate, number = set(others), identifier, 1
    while candidate in taken:
        number += 1
        candidate = f"{identifier} #{number}"
    return candidate


def _place(finding: Finding) -> tuple[float, ...]:
    at = finding.points[0].at if finding.points else (0.0, 0.0)
    left, top = (finding.box.left, finding.box.top) if finding.box else at
    return finding.image, finding.frame or 0, top, left
