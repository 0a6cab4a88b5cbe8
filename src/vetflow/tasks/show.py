"""Show in Prefect what a case came to, for the person who looks there; nothing that names anybody."""

import base64
import io
from collections.abc import Iterator, Sequence
from contextlib import suppress

import httpx
from PIL import Image
from prefect.artifacts import create_markdown_artifact
from prefect.exceptions import PrefectException

from vetflow.domain.finding import Finding, Presence, percent
from vetflow.domain.rollout import Phase
from vetflow.domain.validation import Check
from vetflow.tasks.report import Reported
from vetflow.tasks.step import timings

_WIDTH, _QUALITY = 720, 70
_MARKS = {Presence.PRESENT: "**present**", Presence.ABSENT: "absent", Presence.UNDETERMINED: "undetermined"}


def show(reported: Reported, phase: Phase) -> None:
    """Leave an artifact with findings, picture, validation and timings; Prefect being away loses only that."""
    with suppress(PrefectException, httpx.HTTPError):
        create_markdown_artifact(
            key=reported.case.id,
            description="AI suggestion, not verified by a veterinarian",
            markdown="\n".join(_page(reported, phase)),
        )


def _page(reported: Reported, phase: Phase) -> Iterator[str]:
    assessment = reported.assessment
    yield f"## {reported.use_case}: {assessment.verdict.value.replace('_', ' ')}"
    yield f"AI suggestion, not verified by a veterinarian. Phase: {phase.value}."
    if assessment.abstained:
        yield f"\nAbstained: {assessment.abstained}."
    if model := assessment.model:
        yield f"\nModel {model.name} {model.version}, weights `{model.digest[:12]}`: {', '.join(reported.caveats)}."
    yield "\n| presence | certainty | rests on | finding |\n|---|---|---|---|"
    yield from (_row(finding, films=len(reported.checks)) for finding in assessment.findings)
    for overlay in reported.overlays:
        yield f"\n![de-identified film with what was found](data:image/jpeg;base64,{_small(overlay)})"
    yield "\n| validation | held |\n|---|---|"
    yield from _validated(reported.checks)
    yield "\n| step | seconds |\n|---|---|"
    yield from (f"| {name} | {seconds:.2f} |" for name, seconds in timings().items())


def _row(finding: Finding, *, films: int) -> str:
    sure = "" if finding.certainty is None else percent(finding.certainty)
    where = f" (film {finding.image + 1})" if films > 1 else ""
    return f"| {_MARKS[finding.presence]} | {sure} | {finding.source} | {finding.says}{where} |"


def _validated(checks: Sequence[Sequence[Check]]) -> Iterator[str]:
    """Yield a row for each expectation, and on which films it did not hold when there are several."""
    broken: dict[str, list[str]] = {}
    for number, film in enumerate(checks, 1):
        for check in film:
            broken.setdefault(check.says, []).extend([] if check.held else [str(number)])
    for says, films in sorted(broken.items(), key=lambda row: not row[1]):
        no = "no" if len(checks) == 1 else f"not on film {', '.join(films)}"
        yield f"| {says} | {no if films else 'yes'} |"


def _small(picture: bytes) -> str:
    with Image.open(io.BytesIO(picture)) as image:
        image.thumbnail((_WIDTH, _WIDTH))
        held = io.BytesIO()
        image.convert("RGB").save(held, "JPEG", quality=_QUALITY)
    return base64.b64encode(held.getvalue()).decode("ascii")
