"""Let champions look at de-identified films, in the sandbox."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vetflow.domain.errors import StudyRefused, TransientError
from vetflow.domain.look import Look
from vetflow.ports import Champion, Seen
from vetflow.tasks.deidentify import CleanStudy
from vetflow.tasks.retrieve import Study
from vetflow.tasks.step import step
from vetflow.wiring import services


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeenStudy:
    """Films and what the models saw on them.

    Parameters
    ----------
    seen
        Film by film.
    champion
        The model that the case stands for.
    caveats
        What a reader must know of all models asked, and of images that none was shown.
    """

    clean: CleanStudy
    seen: tuple[Seen, ...]
    champion: Champion
    caveats: tuple[str, ...]

    @property
    def study(self) -> Study:
        """The films as they were retrieved."""
        return self.clean.study

    @property
    def looks(self) -> tuple[Look, ...]:
        """Each film as it is judged."""
        return tuple(
            Look(evidence=film.evidence, trunk=seen.trunk, plain=seen.plain, abstained=seen.abstained)
            for film, seen in zip(self.study.films, self.seen, strict=True)
        )


@step
def infer(clean: CleanStudy, *, models: Sequence[str]) -> SeenStudy:
    """Return what champions see; they abstain on species outside their cards and on films held back from them.

    Parameters
    ----------
    models
        Names of models; without a champion of the first the case waits, others are done without.
    """
    champions, absent = _champions(models)
    seen, refusals = dict[int, Seen](), dict[int, StudyRefused]()
    for number, key in clean.keys.items():
        evidence = clean.study.films[number].evidence
        try:
            seen[number] = services().reader.look(key, champions, evidence=evidence)
        except StudyRefused as refused:
            refusals[number] = refused
    study = clean.study.without(refusals)
    films = tuple(
        seen.get(number) or Seen(abstained=film.refused or clean.held[number])
        for number, film in enumerate(study.films)
    )
    return SeenStudy(
        clean=replace(clean, valid=replace(clean.valid, study=study)),
        seen=films,
        champion=champions[0],
        caveats=(*dict.fromkeys(word for film in films for word in film.caveats), *absent, *study.left_out),
    )


def _champions(models: Sequence[str]) -> tuple[tuple[Champion, ...], tuple[str, ...]]:
    """Return the champions of models, and a sentence for each of those after the first that has none."""
    found = {name: services().ledger.champion(name) for name in models}
    if found[models[0]] is None:
        raise TransientError(f"no champion of {models[0]} is registered")
    absent = tuple(f"no model {name} is registered" for name, champion in found.items() if champion is None)
    return tuple(champion for champion in found.values() if champion is not None), absent
