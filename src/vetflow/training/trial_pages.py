"""A trial written down: figures, what was said of each film, plots."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from vetflow.domain.bundle import Bundle
from vetflow.training.evaluation import RealLook, Said, real_looks, score
from vetflow.training.figures import confusion
from vetflow.training.heads import HEADS
from vetflow.training.trials import Figure, Films, Trial
from vetflow.training.trunk.cases import INSIDE
from vetflow.training.trunk.figures import plots
from vetflow.training.trunk.real import real_sayings
from vetflow.training.trunk.records import SILENT, Record, to_json
from vetflow.training.trunk.sayings import Saying
from vetflow.wiring.catalogue import Runtime
from vetflow.wiring.registry import trunk_runtime


def told(bundle: Bundle, films: Films, trial: Trial, figures: Sequence[Figure]) -> dict[str, object]:
    """Return a trial as plain values for JSON, what was said of each film left out."""
    model = bundle.manifest.model
    return {
        "model": {"name": model.name, "version": model.version, "weights": model.digest},
        "films": films.name,
        "digest": films.digest,
        "measured": len(trial.records),
        "elsewhere": trial.elsewhere,
        "refused": dict(trial.refused),
        "figures": [asdict(figure) for figure in figures],
        "real": [asdict(one) for one in _real(bundle)],
    }


def _real(bundle: Bundle) -> Sequence[RealLook | Saying]:
    """Return what the model says of the real film laid every way, where it is installed."""
    if bundle.manifest.of_trunk:
        return real_sayings(trunk_runtime(bundle).look)
    return real_looks(Runtime(bundle).look, sure=bundle.manifest.sure)


def write(out: Path, bundle: Bundle, trial: Trial, page: object) -> None:
    """Write figures, records and plots into a folder; the plots leave out the easy films inside the card."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "figures.json").write_text(json.dumps(page, indent=2))
    (out / "records.json").write_bytes(to_json(trial.records))
    records = [record for record in trial.records if record.group != INSIDE]
    drawn = plots(records) if bundle.manifest.of_trunk else dict(_confusions(records, bundle.manifest.sure))
    for name, png in drawn.items():
        (out / name).write_bytes(png)


def _confusions(records: Sequence[Record], sure: float) -> Iterator[tuple[str, bytes]]:
    for head, classes in HEADS.items():
        answers = [record.classes[head] for record in records if head in record.classes]
        said = [Said(**asdict(answer)) for answer in answers if answer.says != SILENT]
        if said:
            yield f"confusion_{head}.png", confusion(score(said, classes=len(classes), sure=sure), classes)
