"""Promoting a model: it is measured beside the champion on the same films, and a gate says whether it takes over."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from vetflow.domain.bundle import Bundle
from vetflow.domain.finding import ModelVersion
from vetflow.domain.promotion import Comparison, Gate
from vetflow.ports import Champion
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
        None when there was nothing to measure it against: it is the first of its name, or in charge already.
    promoted
        Whether it is in charge now and was not before.
    """

    candidate: ModelVersion
    champion: ModelVersion | None
    gate: Gate | None
    promoted: bool

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
            No use case asks for such a model.
        TransientError
            Another model was put in charge meanwhile.
        """
        ours = registry.kept(self.services, candidate)
        champion = self.services.ledger.champion(ours.model.name)
        if champion == ours:
            return Decision(candidate=ours.model, champion=ours.model, gate=None, promoted=False)
        if self.services.ledger.challenger(ours.model.name) != ours:
            self.services.ledger.enrol(ours, actor=self.actor)
        gate = self._measured(candidate, champion) if champion else None
        promoted = gate is None or gate.opens
        self._decided(ours, champion, gate)
        self.journal.tags({"decision": "promoted" if promoted else "refused", "actor": self.actor})
        return Decision(
            candidate=ours.model, champion=champion.model if champion else None, gate=gate, promoted=promoted
        )  # fmt: skip

    def _measured(self, candidate: Bundle, champion: Champion) -> Gate:
        theirs = registry.bundle_of(self.services, champion)
        trials = {
            name: self.films.trial(bundle, self.progress).records
            for name, bundle in (("candidate", candidate), ("champion", theirs))
        }
        gate = gated(trials["candidate"], trials["champion"])
        self.journal.settings({"candidate": candidate.digest, "champion": theirs.digest, "films": gate.films})
        self.journal.dataset(self.films.name, digest=self.films.digest, count=gate.films)
        self.journal.files("records", {f"{name}.json": to_json(records) for name, records in trials.items()})
        self.journal.metrics(_values(gate))
        return gate

    def _decided(self, ours: Champion, champion: Champion | None, gate: Gate | None) -> None:
        ledger, model = self.services.ledger, ours.model
        why = "the first of its name, measured against nothing" if champion is None else self._why(champion, gate)
        if gate is None or gate.opens:
            ledger.promote(ours, over=champion, actor=self.actor, why=why)
            self.services.runs.announce(registry.EVENT, f"model-{model.digest[:16]}")
            return
        detail = f"version {model.version}, weights {model.digest}; {why}"
        ledger.record(actor=self.actor, action="model.refuse", subject=model.name, detail=detail)

    def _why(self, champion: Champion, gate: Gate | None) -> str:
        films = f"measured against weights {champion.model.digest} on {self.films.name} {self.films.digest}"
        if gate is None:
            return films
        return "; ".join((f"{films}, {gate.films} films, {len(gate.comparisons)} figures", *gate.reasons))


def gated(ours: Records, theirs: Records) -> Gate:
    """Return the gate of a candidate's records and those of the champion on the same films."""
    shared = {one.film for one in ours} & {one.film for one in theirs}
    ours, theirs = (tuple(one for one in records if one.film in shared) for records in (ours, theirs))
    values, of = scores.metrics(ours), scores.metrics(theirs)
    return Gate(
        films=len(shared),
        comparisons=tuple(_compared(name, values.get(name), value, (ours, theirs)) for name, value in of.items()),
    )


def _compared(name: str, candidate: float | None, champion: float, records: tuple[Records, Records]) -> Comparison:
    ours, theirs = records
    low, high = scores.interval(theirs, name)
    whole = Comparison(
        name=name, higher_is_better=scores.METRICS[name].higher_is_better, candidate=candidate, champion=champion,
        low=low, high=high,
    )  # fmt: skip
    if candidate is None:
        return whole
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
