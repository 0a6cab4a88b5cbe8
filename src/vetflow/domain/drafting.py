"""Putting a draft report together from what the use cases came to; pure decisions, no words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from vetflow.domain import labelling, quality, trunk
from vetflow.domain.advice import again, unjudged
from vetflow.domain.anatomy import PART_CODES, Part
from vetflow.domain.cardiac import normal
from vetflow.domain.coding import SCHEME, Code
from vetflow.domain.differentials import Differential, Table
from vetflow.domain.finding import Finding, Presence
from vetflow.domain.report import SCALE, Draft, Figure, Given, Opinion, Priority, Scale, Statement, System, Voice
from vetflow.domain.signalment import Species
from vetflow.domain.upheld import upheld
from vetflow.domain.urgency import URGENCY, Urgency, most_urgent
from vetflow.domain.view import Region

_SYSTEMS: Mapping[str, System] = {
    trunk.HEART_ENLARGED.value: System.HEART,
    trunk.ATRIUM_ENLARGED.value: System.HEART,
    trunk.PLEURAL_EFFUSION.value: System.PLEURA,
    trunk.PNEUMOTHORAX.value: System.PLEURA,
    trunk.GASTRIC_VOLVULUS.value: System.STOMACH,
    trunk.PERITONEAL_EFFUSION.value: System.PERITONEUM,
    trunk.VERTEBRA.value: System.SPINE,
    trunk.RIBS.value: System.WALL,
}
_PARTS: Mapping[System, tuple[Part, ...]] = {
    System.HEART: (Part.HEART, Part.LEFT_ATRIUM, Part.AORTA),
    System.LUNGS: (Part.LUNG,),
    System.PLEURA: (Part.PLEURA,),
    System.MEDIASTINUM: (Part.TRACHEA, Part.CARINA, Part.MEDIASTINUM, Part.ESOPHAGUS),
    System.WALL: (Part.STERNUM, Part.RIB, Part.DIAPHRAGM),
    System.SPINE: (Part.VERTEBRA,),
    System.STOMACH: (Part.STOMACH,),
    System.BOWEL: (Part.SMALL_INTESTINE, Part.COLON),
    System.LIVER: (Part.LIVER, Part.GALLBLADDER),
    System.SPLEEN: (Part.SPLEEN,),
    System.URINARY: (Part.KIDNEY, Part.BLADDER, Part.PROSTATE, Part.UTERUS),
    System.PERITONEUM: (Part.PERITONEAL_CAVITY, Part.RETROPERITONEUM),
}
_SITES = {PART_CODES[part].value: system for system, parts in _PARTS.items() for part in parts}
_EXPECTED: Mapping[str, tuple[Code, ...]] = {
    "cardiac": (trunk.HEART_ENLARGED,),
    "triage": (trunk.GASTRIC_VOLVULUS, trunk.PERITONEAL_EFFUSION, trunk.PLEURAL_EFFUSION, trunk.PNEUMOTHORAX),
}
"""What a use case owes an answer on, if only that it can't tell."""
_ASKED_OF_NO_FILM = "on no film was it asked for: the model takes them for another part of the body"
_EMERGENCIES = frozenset(_EXPECTED["triage"])
_SHOWN_ON = {
    trunk.HEART_ENLARGED.value: Region.THORAX,
    trunk.PLEURAL_EFFUSION.value: Region.THORAX,
    trunk.PNEUMOTHORAX.value: Region.THORAX,
    trunk.GASTRIC_VOLVULUS.value: Region.ABDOMEN,
    trunk.PERITONEAL_EFFUSION.value: Region.ABDOMEN,
}
_ELSEWHERE = frozenset({quality.ADVICE, URGENCY})
"""What is said again of others: the draft has a place of its own for films to repeat and for the priority."""
_QUALITY = quality.SERVICE.value
"""Use case that judges films and not the animal."""
_NOTHING = Given()


def draft(given: Given, opinions: Sequence[Opinion], *, table: Table, scale: Scale = SCALE) -> Draft:
    """Return all that a draft report says.

    Parameters
    ----------
    table
        Differentials and advice.
    scale
        Which certainty is called what.

    Notes
    -----
    What is absent or can't be told never makes a study less urgent than the clinic asked for.
    """
    of_films = [opinion for opinion in opinions if opinion.use_case == _QUALITY]
    of_animal = sorted((one for one in opinions if one.use_case != _QUALITY), key=_rank)
    said = [one for opinion in of_animal for one in _statements(opinion, given, scale)]
    present = [one for one in said if one.presence is Presence.PRESENT]
    species = given.signalment.species
    advice = [row for one in said for row in table.advised(one.code.value, one.presence, species)]
    return Draft(
        given=given,
        voices=tuple(_voices(opinions)),
        quality=tuple(one for opinion in of_films for one in _of_film(opinion, scale)),
        said=tuple(said),
        priority=_priority(given.asked, of_animal, present),
        differentials=tuple(_differentials(present, table, species)),
        advice=tuple(dict.fromkeys(advice)),
        repeat=tuple(sorted({number for opinion in of_films for number in _bad_films(opinion)})),
    )


def _rank(opinion: Opinion) -> int:
    return list(Urgency).index(opinion.urgency or Urgency.ROUTINE)


def _voices(opinions: Iterable[Opinion]) -> Iterable[Voice]:
    """Yield each model that speaks once, however many films it judged."""
    seen: set[tuple[str, str]] = set()
    for opinion in opinions:
        model = opinion.assessment.model
        if model and (opinion.use_case, model.digest) not in seen:
            seen.add((opinion.use_case, model.digest))
            yield Voice(use_case=opinion.use_case, model=model, caveats=opinion.caveats)


def _priority(asked: Urgency, opinions: Iterable[Opinion], present: Iterable[Statement]) -> Priority:
    wanted = most_urgent(asked, *(opinion.urgency for opinion in opinions if opinion.urgency))
    raised = wanted is not asked
    because = tuple(one for one in present if raised and one.code in _EMERGENCIES)
    return Priority(urgency=wanted, raised=raised, because=because)


def _differentials(
    present: Iterable[Statement], table: Table, species: Species | None
) -> Iterable[tuple[Statement, Differential]]:
    """Yield each row of the table once, however many films show what it is about."""
    first: dict[Differential, Statement] = {}
    for one in present:
        for row in table.behind(one.code.value, species):
            first.setdefault(row, one)
    return ((one, row) for row, one in first.items())


def _of_film(opinion: Opinion, scale: Scale) -> Iterable[Statement]:
    """Yield the complaints about a film; one sentence when there are none, or when not all of it was judged."""
    claimed = _claimed(opinion)
    complaints = [finding for finding in claimed if finding.presence is Presence.PRESENT]
    for finding in complaints:
        yield _statement(finding, opinion, scale=scale)
    why = opinion.assessment.abstained or ", ".join(unjudged(claimed))
    if not complaints or why:
        presence = Presence.UNDETERMINED if why else Presence.ABSENT
        films = tuple(number + 1 for number in opinion.films)
        yield Statement(code=quality.SERVICE, presence=presence, why=why, films=films)


def _claimed(opinion: Opinion) -> list[Finding]:
    claimed = upheld(opinion.assessment, opinion.standing).claimed
    return [finding for _, finding in claimed if finding.code not in _ELSEWHERE]


def _bad_films(opinion: Opinion) -> Iterable[int]:
    return (_film(finding, opinion) for finding in again(_claimed(opinion)))


def _statements(opinion: Opinion, given: Given, scale: Scale) -> Iterable[Statement]:
    """Yield what a use case says of the animal, the surest first, and on what it owed an answer and gave none."""
    spoken = _spoken(_claimed(opinion))
    said = list(_joined(_statement(finding, opinion, scale=scale, given=given) for finding in spoken))
    several = len(given.films) > 1
    yield from sorted((_placed(one, said, several=several) for one in said), key=_doubt)
    told = {finding.code for finding in opinion.assessment.findings}
    why = opinion.assessment.abstained or _ASKED_OF_NO_FILM
    for code in _owed(opinion, given.region):
        if code not in told:
            yield Statement(code=code, presence=Presence.UNDETERMINED, system=_system(code, None), why=why)


def _spoken(findings: Sequence[Finding]) -> list[Finding]:
    """Leave out what reads as if it denied what is said beside it.

    An outline says nothing of disease, and stands beside sentences that do. Ribs counted on one film are counted.
    """
    counted = any(one.code == trunk.RIBS and one.presence is Presence.PRESENT for one in findings)
    untold = {trunk.RIBS} if counted else set[Code]()
    known = [one for one in findings if one.code not in untold or one.presence is Presence.PRESENT]
    return [one for one in known if one.code != trunk.OUTLINED]


def _placed(one: Statement, said: Sequence[Statement], *, several: bool) -> Statement:
    """Return a statement with the numbers of its films, unless there is one film, or it is absent on all of them."""
    alone = sum(other.code == one.code for other in said) == 1
    everywhere = alone and one.presence is Presence.ABSENT
    return one if several and not everywhere else replace(one, films=())


def _doubt(one: Statement) -> float:
    """Return what puts surer findings first; what is not there keeps its place behind them."""
    return 1.0 - (one.certainty or 0.0) if one.presence is Presence.PRESENT else 1.0


def _owed(opinion: Opinion, region: Region | None) -> Iterable[Code]:
    """Yield what a use case must answer for a region; one without such questions that says nothing is one itself."""
    name, assessment = opinion.use_case, opinion.assessment
    for code in _EXPECTED.get(name, ()):
        if region is None or region.overlaps(_SHOWN_ON[code.value]):
            yield code
    if name not in _EXPECTED and assessment.abstained and not assessment.findings:
        yield Code(value=name, scheme=SCHEME, meaning=name.capitalize())


def _statement(finding: Finding, opinion: Opinion, *, scale: Scale, given: Given = _NOTHING) -> Statement:
    sure = finding.certainty
    return Statement(
        code=finding.code,
        presence=finding.presence,
        system=_system(finding.code, finding.site),
        certainty=sure,
        degree=None if sure is None else scale.degree(sure),
        says=finding.says,
        why=_reason(finding.says) if finding.presence is Presence.UNDETERMINED else "",
        site=finding.site.meaning if finding.site else "",
        side=finding.side,
        labels=(finding.label,) if finding.label else (),
        figures=tuple(_figures(finding, opinion, given)),
        films=(_film(finding, opinion),),
        sought=finding.code not in trunk.DESCRIBED,
    )


def _joined(statements: Iterable[Statement]) -> Iterable[Statement]:
    """Make one statement of those that differ in label or film alone, such as vertebrae."""
    kinds: dict[object, list[Statement]] = {}
    for number, one in enumerate(statements):
        mere = one.labels or not one.sought
        alike = (one.code, one.presence, one.site, one.side, one.figures) if mere else number
        kinds.setdefault(alike, []).append(one)
    for alike in kinds.values():
        labels = tuple(dict.fromkeys(label for one in alike for label in one.labels))
        least = min((one.certainty for one in alike if one.certainty is not None), default=None)
        films = tuple(dict.fromkeys(film for one in alike for film in one.films))
        named = labelling.runs(labels) if alike[0].code == trunk.VERTEBRA else labels
        yield replace(alike[0], labels=named, certainty=least, films=films)


def _system(code: Code, site: Code | None) -> System:
    return _SYSTEMS.get(code.value) or _SITES.get(site.value if site else "", System.OTHER)


def _figures(finding: Finding, opinion: Opinion, given: Given) -> Iterable[Figure]:
    """Yield a finding's numbers, each with its error; which film a count is of does not matter."""
    error = next((one.value for one in finding.measurements if one.name == trunk.MARGIN), None)
    sought = finding.code not in trunk.DESCRIBED
    film = _film(finding, opinion) if sought and len(given.films) > 1 else None
    animal = replace(given.signalment, breed=given.breed)
    for one in finding.measurements:
        if one.name != trunk.MARGIN:
            usual = normal(one.name, animal)
            yield Figure(name=one.name, value=one.value, unit=one.unit, normal=usual, error=error, film=film)


def _film(finding: Finding, opinion: Opinion) -> int:
    """Return the number of a finding's film in the study, from 1."""
    return 1 + (opinion.films[finding.image] if finding.image < len(opinion.films) else finding.image)


def _reason(says: str) -> str:
    """Return a sentence as the reason after a colon; abbreviations keep their capitals."""
    words = says.strip().rstrip(".")
    return words if words[1:2].isupper() else words[:1].lower() + words[1:]
