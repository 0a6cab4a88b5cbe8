"""From what is known of a film in a folder to the right answers, and to records of what a model says of it."""

from collections.abc import Collection, Iterator
from dataclasses import replace

from vetflow.domain.errors import StudyRefused
from vetflow.domain.sight import Guess, Sight
from vetflow.domain.trunk_sight import HEADS, HEART_POINTS, LESIONS_OF, VERTEBRAE
from vetflow.domain.view import Region, View
from vetflow.phantoms.trunk.order import VIEWS
from vetflow.phantoms.truth import Truth
from vetflow.training import heads
from vetflow.training.dataset_folder import Labelled
from vetflow.training.trunk.cases import Case, Right, bits, right
from vetflow.training.trunk.records import SILENT, Answer, Record

GROUP = "folder"
_SIDES = {View.LATERAL: View.RIGHT_LATERAL, View.SAGITTAL: View.VENTRODORSAL}
"""Views whose side isn't known, and one of theirs."""
_ASKED_BY = {"inverted": "inverted", "head": "head", "limbs_over": "limbs_over", "ribs": "trunk.rib_pairs"}
"""Heads of the trunk model, and what must be known to ask them."""
_OPTIONAL = ("inverted", "limbs_over")
"""What else a model of any body part may be asked."""
_CHEST = tuple(f"T{number}" for number in range(4, 9))
"""Vertebrae whose length is the unit of the heart's landmarks."""


def of_trunk(film: Labelled) -> bool:
    """Whether a film is one that a trunk model is asked about."""
    return film.plain.region in LESIONS_OF


def case(film: Labelled) -> Case:
    """Return a film of the trunk with the right answers that are known.

    Raises
    ------
    StudyRefused
        ``truth_unreadable``: it is in a view that no trunk film has, or has a number of ribs that no model knows.
    """
    if film.plain.view not in {*VIEWS, *_SIDES}:
        raise StudyRefused("truth_unreadable", "Its truth names a view that no film of the trunk has.")
    if str(film.trunk.rib_pairs) not in HEADS["ribs"]:
        known = " or ".join(HEADS["ribs"])
        raise StudyRefused(
            "truth_unreadable", f"Its truth has trunk.rib_pairs other than {known}, which no model knows."
        )
    plain = replace(film.plain, view=_SIDES.get(film.plain.view, film.plain.view))
    return Case(
        film=film.name,
        group=GROUP,
        foreign=film.foreign,
        pixels=film.pixels,
        inverted=film.inverted,
        outlines=None if film.masks is None else bits(film.masks, film.pixels.shape),
        right=_known(film, right(plain, film.trunk)),
    )


def _known(film: Labelled, whole: Right) -> Right:
    """Return the answers without those that were filled in."""
    known = {key for key in film.known if key.startswith("trunk.")}
    unasked = {head for head, key in _ASKED_BY.items() if key not in film.known}
    unasked |= {"side"} if film.plain.view in _SIDES else set()
    return replace(
        whole,
        species=whole.species if "trunk.species" in known else None,
        classes={head: one for head, one in whole.classes.items() if head not in unasked},
        rotation=whole.rotation if "trunk.rotation" in known else None,
        breath=whole.breath if "trunk.breath" in known else None,
        cut=whole.cut if "trunk.missing" in known else {},
        lesions=whole.lesions if "trunk.lesions" in known else {},
        spots={name: whole.spots[name] for name in _placed(film) if name in whole.spots},
    )


def _placed(film: Labelled) -> Iterator[str]:
    """Yield the landmarks that are known, those of the heart only where their unit is."""
    yield from (name for name in VERTEBRAE if name in film.known)
    if film.trunk.heart is not None and film.known.issuperset(_CHEST):
        yield from HEART_POINTS


def record(film: Labelled, sight: Sight) -> Record:
    """Return what a model of any body part saw on a film beside what is right and known.

    Raises
    ------
    StudyRefused
        ``truth_unreadable``: it shows a view or a body part that no such model knows.
    """
    if film.plain.region not in heads.HEADS["region"] or film.plain.view not in {*heads.HEADS["view"], *VIEWS}:
        raise StudyRefused("truth_unreadable", "Its truth names a view or body part that no model here knows.")
    return plain_record(film.plain, sight, film=film.name, asked=film.known & set(_OPTIONAL))


def plain_record(
    truth: Truth, sight: Sight, *, film: str, asked: Collection[str] = ("inverted", "limbs_over")
) -> Record:
    """Return what a model of any body part saw on a film beside what is right.

    Parameters
    ----------
    asked
        Which of ``inverted`` and ``limbs_over`` are known; view and region always are.
    """
    return Record(
        film=film,
        group=GROUP,
        foreign=False,
        view=truth.view,
        region=truth.region,
        species=None,
        doubt="" if sight.view.sure(sight.threshold) and sight.region.sure(sight.threshold) else "not sure",
        oddness=0.0,
        classes=dict(_answers(truth, sight, asked)),
        rotation=None,
        breath=None,
        cut={},
        lesions={},
        spots={},
        heart_shown=False,
        heart_score=None,
        atrial_size=None,
        outlines={},
        motion=0.0,
    )


def _answers(truth: Truth, sight: Sight, asked: Collection[str]) -> Iterator[tuple[str, Answer]]:
    view, region, inverted, _, over = heads.answers(truth)
    yield "view", _answer(view, _number("view", sight.view.says), sight.view)
    yield "region", _answer(region, _number("region", sight.region.says), sight.region)
    if "inverted" in asked:
        yield "inverted", _answer(inverted, int(sight.inverted.says), sight.inverted)
    if "limbs_over" in asked and over != heads.UNKNOWN:
        share = sight.limbs_over
        says = SILENT if share is None else int(share >= 0.5)
        yield "limbs_over", Answer(right=over, says=says, certainty=0.0 if share is None else max(share, 1.0 - share))


def _number(head: str, says: str) -> int:
    """Return the number of a class; one that only this model knows is no answer."""
    return heads.HEADS[head].index(says) if says in heads.HEADS[head] else SILENT


def _answer(right: int, says: int, guess: Guess[View] | Guess[Region] | Guess[bool]) -> Answer:
    return Answer(right=right, says=says, certainty=guess.certainty, steady=guess.steady)
