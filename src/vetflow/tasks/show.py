"""Show in Prefect what a case came to, for the person who looks there; nothing that names anybody."""

import base64
import io
from collections.abc import Iterator
from contextlib import suppress

import httpx
from PIL import Image
from prefect.artifacts import create_markdown_artifact
from prefect.exceptions import PrefectException

from vetflow.domain.finding import Finding, Presence
from vetflow.domain.rollout import Phase
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
    yield from map(_row, assessment.findings)
    if reported.overlay:
        yield f"\n![de-identified film with what was found](data:image/jpeg;base64,{_small(reported.overlay)})"
    yield "\n| validation | held |\n|---|---|"
    yield from (f"| {check.says} | {'yes' if check.held else 'no'} |" for check in reported.checks)
    yield "\n| step | seconds |\n|---|---|"
    yield from (f"| {name} | {seconds:.2f} |" for name, seconds in timings().items())


def _row(finding: Finding) -> str:
    sure = "" if finding.certainty is None else f"{finding.certainty:.0%}"
    return f"| {_MARKS[finding.presence]} | {sure} | {finding.source} | {finding.says} |"


def _small(picture: bytes) -> str:
    with Image.open(io.BytesIO(picture)) as image:
        image.thumbnail((_WIDTH, _WIDTH))
        held = io.BytesIO()
        image.convert("RGB").save(held, "JPEG", quality=_QUALITY)
    return base64.b64encode(held.getvalue()).decode("ascii")
