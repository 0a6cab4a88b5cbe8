"""Judging emergencies on the films of a study, and how soon it should be read; pure decisions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vetflow.domain import trunk
from vetflow.domain.anatomy import PART_CODES, Part
from vetflow.domain.coding import Code
from vetflow.domain.finding import Assessment, Finding, Presence, percent
from vetflow.domain.look import Look, model, reasons, verdict
from vetflow.domain.trunk_sight import LESIONS, Likelihood
from vetflow.domain.urgency import URGENCY, Urgency

_CODES: Mapping[str, Code] = {
    "volvulus": trunk.GASTRIC_VOLVULUS,
    "peritoneal": trunk.PERITONEAL_EFFUSION,
    "pleural": trunk.PLEURAL_EFFUSION,
    "pneumothorax": trunk.PNEUMOTHORAX,
}
_SITES: Mapping[str, Code] = {
    "volvulus": PART_CODES[Part.STOMACH],
    "peritoneal": PART_CODES[Part.PERITONEAL_CAVITY],
    "pleural": PART_CODES[Part.PLEURA],
    "pneumothorax": PART_CODES[Part.PLEURA],
}
_WANTED: Mapping[Code, Urgency] = {
    trunk.GASTRIC_VOLVULUS: Urgency.NOW,
    trunk.PNEUMOTHORAX: Urgency.NOW,
    trunk.PLEURAL_EFFUSION: Urgency.SOON,
    trunk.PERITONEAL_EFFUSION: Urgency.SOON,
}
"""How soon each is to be read; not clinically validated. Pleural effusion stays at soon however certain it is, since
certainty is not amount, and the amount is not measured; nor is a pneumothorax's, so that each counts as a large one."""
NOW_FROM = 0.5
"""Certainty below which nothing is called for at once: it is then more likely not there."""
ABSENT_SURE = 0.9
"""Certainty below which no absence is called, whatever the card says: a model whose thresholds meet leaves no doubt."""
_NOTHING = "Nothing was found that makes the study more urgent; this does not say that it may wait."
_EXCLUDES = "; this does not exclude it: a stomach turned by 360 degrees is missed on at least half of films (Mur 2025)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What one film says of one emergency; with a reason, it can't be told."""

    image: int
    likely: Likelihood
    why: str

    @property
    def presence(self) -> Presence:
        """Whether it is there."""
        if self.why:
            return Presence.UNDETERMINED
        return Presence.PRESENT if self.likely.share >= self.likely.present_from else Presence.ABSENT


def judge(looks: Sequence[Look]) -> Assessment:
    """Return whether each emergency is there, over all films that are asked about it, and how soon to read the study.

    Present on any film wins, with the film that is surest; then what can't be told on any; absent is as sure as on the
    film that is least so, and is called only when it is at least 90 % certain. Films that may not be relied on count
    where no other answers.
    """
    answers = {name: list(_answers(name, looks)) for name in LESIONS}
    findings = tuple(_finding(name, given) for name, given in answers.items() if given)
    unknown = [one.code.meaning.lower() for one in findings if one.presence is Presence.UNDETERMINED]
    whys = [doubt for look in looks if (doubt := _doubt(look))]
    beside = unknown and len(whys) < len(looks)  # where no film may be relied on, that says it all
    parts = (reasons(whys, looks), f"it can't be told whether there is {' or '.join(unknown)}" if beside else "")
    abstained = "; ".join(filter(None, parts))
    wanted = (_urgency(findings),) if any(one.presence is not Presence.UNDETERMINED for one in findings) else ()
    return Assessment(
        verdict=verdict(findings, abstained), findings=(*wanted, *findings), model=model(looks), abstained=abstained
    )


def urgency(assessment: Assessment) -> Urgency | None:
    """Return how soon an assessment wants the study read; None when nothing was judged.

    It follows from the emergencies that are among the findings, so that it holds for what a veterinarian left of them.
    Routine is no statement that a study may wait: it never lowers what the clinic asked for.
    """
    told = [one for one in assessment.findings if one.code in _WANTED and one.presence is not Presence.UNDETERMINED]
    return Urgency(_urgency(told).label) if told else None


def _doubt(look: Look) -> str:
    sight = look.trunk
    if look.doubt or sight is None:
        return look.doubt
    return "" if sight.region.sure(sight.threshold) else "the model is not sure which part of the body the film shows"


def _answers(name: str, looks: Sequence[Look]) -> Iterator[_Answer]:
    """Yield what films say of an emergency: those that may be relied on, else the others."""
    asked = [(number, look) for number, look in enumerate(looks) if look.trunk and name in look.trunk.lesions]
    reliable = [(number, look) for number, look in asked if not _doubt(look)]
    for number, look in reliable or asked:
        if look.trunk:
            likely = look.trunk.lesions[name]
            yield _Answer(image=number, likely=likely, why=_doubt(look) or _untold(likely))


def _untold(likely: Likelihood) -> str:
    if not likely.steady:
        return "mirrored copies of the film disagree"
    unsure = likely.share >= likely.absent_below or 1 - likely.share < ABSENT_SURE
    if unsure and likely.share < likely.present_from:
        return f"a probability of {likely.share:.0%} is too high to exclude it and too low to call it"
    return ""


def _finding(name: str, answers: Sequence[_Answer]) -> Finding:
    """Take the most likely film: the surest that it is there, and the least sure that it is not."""
    order = (Presence.PRESENT, Presence.UNDETERMINED, Presence.ABSENT)
    best = min(answers, key=lambda one: (order.index(one.presence), -one.likely.share))
    what, share, certainty = _CODES[name].meaning, best.likely.share, None
    if best.presence is Presence.UNDETERMINED:
        says = f"{best.why[:1].upper()}{best.why[1:]}."
    elif best.presence is Presence.PRESENT:
        says, certainty = f"Signs of {what.lower()}, probability {percent(share)}.", share
    else:
        excludes = _EXCLUDES if name == "volvulus" else ""
        says, certainty = f"No sign of {what.lower()}{excludes}.", 1 - share
    return Finding(
        code=_CODES[name], presence=best.presence, says=says, source="picture", certainty=certainty,
        box=best.likely.box if best.presence is Presence.PRESENT else None, site=_SITES[name], image=best.image,
    )  # fmt: skip


def _urgency(findings: Sequence[Finding]) -> Finding:
    present = [one for one in findings if one.presence is Presence.PRESENT]
    for wanted in (Urgency.NOW, Urgency.SOON):
        if because := [one for one in present if _wanted(one) is wanted]:
            surest = max(because, key=lambda one: one.certainty or 0.0)
            listed = ", ".join(one.code.meaning.lower() for one in because)
            return Finding(
                code=URGENCY, presence=Presence.PRESENT, source="picture", certainty=surest.certainty, label=wanted,
                image=surest.image, says=f"Read {wanted}: {listed}. Which finding is how urgent is not validated.",
            )  # fmt: skip
    return Finding(code=URGENCY, presence=Presence.ABSENT, source="picture", label=Urgency.ROUTINE, says=_NOTHING)


def _wanted(finding: Finding) -> Urgency:
    wanted = _WANTED[finding.code]
    unsure = (finding.certainty or 0.0) < NOW_FROM
    return Urgency.SOON if wanted is Urgency.NOW and unsure else wanted
