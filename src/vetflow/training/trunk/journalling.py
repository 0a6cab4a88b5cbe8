"""Writing down what was measured of a trunk model: figures with their intervals, the set's digest, pictures."""

from collections.abc import Mapping
from pathlib import Path

from vetflow.training.journal import Journal
from vetflow.training.trunk import scores
from vetflow.training.trunk.cases import listed
from vetflow.training.trunk.evaluating import Evaluation
from vetflow.training.trunk.figures import plots
from vetflow.training.trunk.measuring import Look
from vetflow.training.trunk.overlays import WORST, one_film, shown, worst
from vetflow.training.trunk.real import film_pixels

_SHEET = 20


def record(journal: Journal, evaluation: Evaluation, drawn: Mapping[str, bytes]) -> None:
    """Write figures and pictures into a journal; the inside's names begin with ``inside_``."""
    journal.dataset("holdout", digest=evaluation.holdout, count=len(evaluation.of("held-out")))
    held_out = evaluation.of("held-out")
    values = dict(scores.metrics(held_out))
    for name in tuple(values):
        values[f"{name}_low"], values[f"{name}_high"] = scores.interval(held_out, name)
    inside = scores.metrics(evaluation.of("inside the card"))
    journal.metrics(values | {f"inside_{name}": value for name, value in inside.items()})
    journal.metrics(_abstentions(evaluation))
    for name, png in drawn.items():
        journal.picture(name, png)


def _abstentions(evaluation: Evaluation) -> dict[str, float]:
    kinds = sorted({one.what for one in evaluation.strangers})
    shares = {kind: [bool(one.doubt) for one in evaluation.strangers if one.what == kind] for kind in kinds}
    return {f"abstained_{kind.replace(' ', '_')}": sum(ones) / len(ones) for kind, ones in shares.items()}


def pictures(evaluation: Evaluation, look: Look, *, folder: Path) -> Mapping[str, bytes]:
    """Return plots, the ten worst cases of each use case, a sheet of cases as they come, and the real film.

    The card shows the last one, ``real.png``, from beside it.

    Parameters
    ----------
    folder
        Where rendered films are kept.
    """
    records = evaluation.of("held-out")
    films = {str(film.order.seed): film for film in listed()}
    found = dict(plots(records))
    for use_case, badness in WORST.items():
        bad = worst(records, badness)
        if bad:
            found[f"worst_{use_case}.png"] = shown(bad, films, look, folder=folder)
    few = records[:: max(1, len(records) // _SHEET)][:_SHEET]
    if few:
        found["sheet.png"] = shown(few, films, look, folder=folder)
    real = film_pixels()
    if real is not None:
        found["real.png"] = one_film(real, look(real, inverted=False), inverted=False, title="suggested points")
    return found
