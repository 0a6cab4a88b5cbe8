"""The model card, written from what was measured."""

from collections.abc import Iterable

from vetflow.domain.bundle import Manifest
from vetflow.training.evaluation import Evaluation, RealLook
from vetflow.training.heads import HEADS, LIMBS_OVER

_HEADING = """# {name} {version}

**Trained on synthetic radiographs only.** The films were rendered from the bone meshes of one dog (dm_control,
Apache-2.0) with soft tissue made of geometric shapes. No radiograph of an animal was used for training. The figures
below prove geometry and plumbing, never diagnostic performance.

## What it says of a film

- the view: {views}. Ventrodorsal and dorsoventral are one class (`sagittal`): phantoms differ in them by pose alone,
  so the model does not claim to tell them apart. Left and right lateral are one class for the same reason.
- the region: {regions}
- whether the greyscale is inverted (bone dark)
- on side views of the thorax: whether limbs lie over the lung (at least {limbs:.0%} of its area)

It says nothing about disease, and nothing about the species: that comes from tags or people.

## What it is meant for

Dogs, and cats with caution: the phantoms are one dog reshaped, some of them small, short-legged and long in the loins.
Other species, heads, spines, and pictures that aren't radiographs are outside; the model was shown noise, ramps and
boxes so that it answers evenly there, but nothing guarantees that it abstains.

## When it abstains

When the calibrated certainty is below {sure:.2f}, or the film and its three mirrored copies don't get the same answer.
"""

_TRAINING = """
## How it was made

`vetflow models train positioning`: {films} phantoms (seed {seed}, dataset SHA-256 `{digest}`), looks drawn anew in
each of {epochs} epochs; {parameters:,} parameters, input {size} x {size}; temperatures {temperatures}.

## Measured on phantoms it never saw

{held} films of another seed, half of them turned, 30 % inverted, every look drawn anew.

| head | films | accuracy | answered | accuracy when answered | calibration error |
|---|---|---|---|---|---|
{scores}

## Measured on one real film

The feline film of the package deid-data (lateral, thorax and abdomen), laid every way. It was not trained on; it is
one film, so these lines are an example and not a statistic.

| laid | view | region | inverted | copies agree | limbs over the lung | right | abstained |
|---|---|---|---|---|---|---|---|
{real}
"""


def card(manifest: Manifest, evaluation: Evaluation, training: dict[str, str | int]) -> str:
    """Return the card as Markdown.

    Parameters
    ----------
    training
        ``films``, ``seed``, ``digest``, ``epochs`` and ``parameters`` of the training.
    """
    head = _HEADING.format(
        name=manifest.name,
        version=manifest.version,
        views=", ".join(HEADS["view"]),
        regions=", ".join(HEADS["region"]),
        limbs=LIMBS_OVER,
        sure=manifest.sure,
    )
    tail = _TRAINING.format(
        **training,
        size=manifest.size,
        temperatures=", ".join(f"{name} {value:.2f}" for name, value in manifest.temperatures.items()),
        held=evaluation.films,
        scores="\n".join(_scores(evaluation)),
        real="\n".join(_real(one) for one in evaluation.real) or "| not installed | | | | | | | |",
    )
    return head + tail


def _scores(evaluation: Evaluation) -> Iterable[str]:
    for head, score in evaluation.heads.items():
        yield (
            f"| {head} | {score.films} | {score.accuracy:.3f} | {score.covered:.3f} | "
            f"{score.accuracy_when_sure:.3f} | {score.calibration_error:.3f} |"
        )


def _real(one: RealLook) -> str:
    over = "not asked" if one.limbs_over is None else f"{one.limbs_over:.2f}"
    said = f"{one.view} {one.view_certainty:.2f} | {one.region} {one.region_certainty:.2f}"
    answers = " | ".join("yes" if value else "no" for value in (one.inverted, one.steady))
    verdict = " | ".join("yes" if value else "no" for value in (one.right, one.abstained))
    return f"| {one.laid} | {said} | {answers} | {over} | {verdict} |"
