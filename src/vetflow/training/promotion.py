"""Promoting a model: it is measured beside the champion on the same films, and a gate says whether it takes over."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

from vetflow.domain.bundle import Bundle
from vetflow.domain.errors import ConfigurationError, StudyRefused
from vetflow.domain.finding import ModelVersion
from vetflow.domain.promotion import Comparison, Gate
from vetflow.domain.use_cases import MODELS
from vetflow.ports import Champion
from vetflow.training.folder_cases import GROUP
from vetflow.training.journal import Journal
from vetflow.training.pictures import Progress
from vetflow.training.trials import Films
from vetflow.training.trunk import scores
from vetflow.training.trunk.records import Record, to_json
from vetflow.wiring import Services, registry

Records = tuple[Record, ...]


class GateJournal(Journal, Protocol):
    """Where a promotion is written down for people to look at."""

    def tags(self, values: Mapping[str, str]) -> None:
        """Record what it came to."""
        ...

    def files(self, where: str, files: Mapping[str, bytes]) -> None:
        """Record files by path under a folder."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What became of a candidate.

    Parameters
    ----------
    gate
        None when there was nothing to measure it against: it is the first of its name, in charge already, or the model
        in charge no longer loads.
    promoted
        Whether it is in charge now and was not before.
    refused
        Why films can't be measured on, or why one of both gave no answer to them, by name; for whoever asks alone.
    """

    candidate: ModelVersion
    champion: ModelVersion | None
    gate: Gate | None
    promoted: bool
    refused: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """Every figure of both; none where nothing was measured."""
        return self.gate.comparisons if self.gate else ()

    @property
    def well(self) -> bool:
        """Whether the candidate is in charge."""
        return self.promoted or self.gate is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A way to promote candidates.

    Parameters
    ----------
    films
        What they are measured on.
    journal
        Where figures and decision are kept for people; the ledger keeps them in its own journal.
    actor
        Who asks.
    """

    services: Services
    films: Films
    journal: GateJournal
    progress: Progress
    actor: str

    def of(self, candidate: Bundle) -> Decision:
        """Measure a candidate beside the champion and let it take over, or say why not; either is on the record.

        Raises
        ------
        ConfigurationError
            No use case asks for such a model, or it can't be built.
        TransientError
            Another model was put in charge meanwhile.
        """
        ours = registry.kept(self.services, candidate)
        champion = self.services.ledger.champion(ours.model.name)
        if champion == ours:
            return Decision(candidate=ours.model, champion=ours.model, gate=None, promoted=False)
        if self.services.ledger.challenger(ours.model.name) != ours:
            self.services.ledger.enrol(ours, actor=self.actor)
        theirs = self._loaded(champion) if champion else None
        gate, refused = self._measured(candidate, theirs) if theirs else (None, dict[str, str]())
        promoted = gate is None or gate.opens
        self._decided(ours, champion, gate)
        self.journal.tags({"decision": "promoted" if promoted else "refused", "actor": self.actor})
        return Decision(
            candidate=ours.model, champion=champion.model if champion else None, gate=gate, promoted=promoted,
            refused=refused,
        )  # fmt: skip

    def _loaded(self, champion: Champion) -> Bundle | None:
        """Return the champion's bundle, None when it is lost or of a network that is no longer built."""
        try:
            bundle = registry.bundle_of(self.services, champion)
            registry.built(bundle)
        except (ConfigurationError, StudyRefused):
            return None
        return bundle

    def _measured(self, candidate: Bundle, champion: Bundle) -> tuple[Gate, Mapping[str, str]]:
        """Return the gate, and why films were left out of it."""
        ours, theirs = (self.films.trial(bundle, self.progress) for bundle in (candidate, champion))
        gate = gated(ours.records, theirs.records, progress=self.progress)
        self.journal.settings({"candidate": candidate.digest, "champion": champion.digest, "films": gate.films})
        self.journal.dataset(
            self.films.name, digest=self.films.digest, count=gate.films, source=self.films.source
        )  # fmt: skip
        self.journal.files("records", _nameless({"candidate": ours.records, "champion": theirs.records}))
        self.journal.metrics(_values(gate))
        return gate, {**theirs.refused, **ours.refused}

    def _decided(self, ours: Champion, champion: Champion | None, gate: Gate | None) -> None:
        ledger, model = self.services.ledger, ours.model
        why = "the first of its name, measured against nothing" if champion is None else self._why(champion, gate)
        if gate is None or gate.opens:
            ledger.promote(ours, over=champion, actor=self.actor, why=why, silenced=_silenced(model))
            self.services.runs.announce(registry.EVENT, f"model-{model.digest[:16]}")
            return
        detail = f"version {model.version}, weights {model.digest}; {why}"
        ledger.record(actor=self.actor, action="model.refuse", subject=model.name, detail=detail)

    def _why(self, champion: Champion, gate: Gate | None) -> str:
        if gate is None:
            return f"weights {champion.model.digest} in charge no longer load, measured against nothing"
        films = f"measured against weights {champion.model.digest} on {self.films.name} {self.films.digest}"
        return "; ".join((f"{films}, {gate.films} films, {len(gate.comparisons)} figures", *gate.reasons))


def _silenced(model: ModelVersion) -> dict[str, str]:
    """Return the weights digest that a phase is looked up by, by each use case that asks the model."""
    return {use_case: model.digest for use_case, names in MODELS.items() if model.name in names}


def _nameless(records: Mapping[str, Records]) -> dict[str, bytes]:
    """Return records as JSON by file name, films of a folder by number: their names may be those of animals."""
    names = sorted({one.film for ones in records.values() for one in ones if one.group == GROUP})
    numbers = {name: f"film-{number:05}" for number, name in enumerate(names)}
    return {
        f"{who}.json": to_json(replace(one, film=numbers.get(one.film, one.film)) for one in ones)
        for who, ones in records.items()
    }


def _untold(stage: str, done: int, whole: int) -> None:
    """Progress that nobody looks at."""


def gated(ours: Records, theirs: Records, *, progress: Progress = _untold) -> Gate:
    """Return the gate of a candidate's records and those of the champion on the same films."""
    shared = {one.film for one in ours} & {one.film for one in theirs}
    found = list(_unanswered(len(shared), len(theirs)))
    ours, theirs = (tuple(one for one in records if one.film in shared) for records in (ours, theirs))
    for done, name in enumerate(scores.METRICS, start=1):
        films = scores.films_of(theirs, name)
        value = scores.value(films, name)
        if not math.isnan(value):
            found.append(_compared(name, value, (scores.films_of(ours, name), films)))
        progress("compare", done, len(scores.METRICS))
    return Gate(films=len(shared), comparisons=tuple(found))


def _unanswered(shared: int, asked: int) -> Iterator[Comparison]:
    """Yield that the candidate gave no answer to films that the champion answers, where that is so."""
    if shared < asked:
        share = shared / asked
        yield Comparison(
            name="films_answered", higher_is_better=True, candidate=share, champion=1.0, low=1.0, high=1.0,
            gap=share - 1.0, gap_low=share - 1.0, gap_high=share - 1.0,
        )  # fmt: skip


def _compared(name: str, champion: float, records: tuple[Records, Records]) -> Comparison:
    ours, theirs = records
    low, high = scores.interval(theirs, name)
    candidate = scores.value(ours, name)
    whole = Comparison(
        name=name, higher_is_better=scores.METRICS[name].higher_is_better, candidate=candidate, champion=champion,
        low=low, high=high,
    )  # fmt: skip
    if math.isnan(candidate):
        return replace(whole, candidate=None)
    try:
        gap, gap_low, gap_high = scores.difference(ours, theirs, name)
    except ValueError:  # not one film that both answer
        return replace(whole, candidate=None)
    return replace(whole, gap=gap, gap_low=gap_low, gap_high=gap_high)


def _values(gate: Gate) -> dict[str, float]:
    found: dict[str, float] = {"worse": float(len(gate.worse))}
    for one in gate.comparisons:
        found |= {f"champion_{one.name}": one.champion, f"gap_{one.name}": one.gap}
        found |= {} if one.candidate is None else {f"candidate_{one.name}": one.candidate}
    return {name: value for name, value in found.items() if math.isfinite(value)}
