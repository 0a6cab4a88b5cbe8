"""A sight as JSON values and back, for the way out of the sandbox."""

from collections.abc import Mapping

from vetflow.domain.errors import StudyRefused
from vetflow.domain.finding import ModelVersion
from vetflow.domain.sight import Field, Sight
from vetflow.domain.view import Region, View
from vetflow.vision import answers
from vetflow.vision.answers import Json

_EDGES = ("left", "top", "right", "bottom")


def to_values(sight: Sight) -> dict[str, Json]:
    """Return a sight as JSON values, its model left out: who asked knows it."""
    field = sight.field
    return {
        "view": answers.guess_values(sight.view, sight.view.says.value),
        "region": answers.guess_values(sight.region, sight.region.says.value),
        "inverted": answers.guess_values(sight.inverted, sight.inverted.says),
        "box": answers.box_values(field.box),
        "exposed": field.exposed,
        "touching": list(field.touching),
        "saturated": field.saturated,
        "limbs_over": sight.limbs_over,
        "threshold": sight.threshold,
    }


def from_values(values: Mapping[str, object], *, model: ModelVersion) -> Sight:
    """Return the sight of a sandbox's answer.

    Raises
    ------
    StudyRefused
        ``model_output_invalid`` when it is none: a part is missing, a number is not finite, a certainty lies outside
        0 to 1. No result is written from it.
    """
    try:
        limbs, edge = values["limbs_over"], answers.one_of(_EDGES)
        return Sight(
            view=answers.guess(values["view"], View),
            region=answers.guess(values["region"], Region),
            inverted=answers.guess(values["inverted"], answers.boolean),
            field=Field(
                box=answers.box(values["box"]),
                exposed=answers.share(values["exposed"]),
                touching=tuple(map(edge, answers.sequence(values["touching"]))),
                saturated=answers.share(values["saturated"]),
            ),
            limbs_over=None if limbs is None else answers.share(limbs),
            threshold=answers.share(values["threshold"]),
            model=model,
        )
    except answers.UNUSABLE:
        raise StudyRefused("model_output_invalid", "the model gave something that is no answer") from None
