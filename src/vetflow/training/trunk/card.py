"""The trunk model's card, written from what was measured."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from vetflow.domain.trunk_sight import LESIONS
from vetflow.phantoms.trunk.ranges import training
from vetflow.training.trunk import scores, statistics
from vetflow.training.trunk.bundling import NAME, VERSION, Draft
from vetflow.training.trunk.evaluating import SUBSETS, Evaluation
from vetflow.training.trunk.figures import lesion_shares
from vetflow.training.trunk.records import Record
from vetflow.training.trunk.sayings import Check, Saying
from vetflow.training.trunk.shots import FORCED

_HEADING = """# {name} {version}

**Trained on synthetic radiographs only.** The films were rendered from the bone meshes of one dog (dm_control,
Apache-2.0), reshaped to many builds of dogs and cats, with soft tissue, gas and fluid made of geometric shapes. No
radiograph of an animal was used for training. The figures below prove geometry and plumbing, never diagnostic
performance, and whatever is shown of its points on a film are suggestions.

## What it says of a film

- positioning: plane, the four views, region, inversion, rotation about the long axis, breath, motion, limbs over the
  lung, and which parts of the body are cut off
- cardiac: the five points of vertebral heart score and left atrial size on lateral films
- anatomy: the cranial edges of C7 to S1 by name, the number of rib pairs, outlines of organs, gas and fluid
- triage: gastric dilatation and volvulus, peritoneal effusion, pleural effusion, pneumothorax: each as a calibrated
  probability, called present or absent by the thresholds of the bundle and undetermined between them

## What it is meant for

Films of thorax, abdomen or both of dogs and cats, lateral, ventrodorsal or dorsoventral, whole animals between {dog}
(dogs) and {cat} (cats). Other species, other parts of the body and films after surgery are outside. It never tells the
species: that comes from tags and people.

Known weaknesses: phantoms tell left from right lateral, and ventrodorsal from dorsoventral, by anatomy that real
animals show less clearly, so the side is the answer to trust least; one dog's ribs and vertebrae stand for all breeds;
no mass, no foreign body, no free abdominal gas, no pericardial effusion, no lung disease was ever shown to it, and it
can take any of them for something that it knows. A volvulus of 360 degrees looks almost like a plain dilatation: an
absent one excludes nothing.

## When it abstains

On the whole film: when it doesn't take the picture for a film of a small animal's trunk, when the film is further from
those it learnt from than the bundle allows, or when it is not sure how the animal lies (certainty below {sure:.2f}, or
mirrored copies disagree). On one emergency: between its two thresholds, or when mirrored copies disagree.
"""

_MADE = """`vetflow models train trunk`{parent}: {films} phantoms of {looks} films each (seed {seed}, SHA-256
`{digest}`), laid and lit anew each time they are shown, {steps} steps of 16 films{last}; {parameters:,} parameters.
In training {forced:.0%} of the animals are given an emergency, and are shown without it as well: far more than any
clinic sees. Certainties were calibrated on other phantoms of wider ranges: temperatures {temperatures}; odd from
{odd:.3f}; heart score ± {vhs:.2f}, atrial size ± {vlas:.2f} vertebrae; {thresholds}."""

_MEASURED = """
## How it was made

{made}

## Measured

Held-out set `{holdout}` (SHA-256 of `holdout.toml`): {films} films of other seeds, every range of animals and
exposures at least half as wide again as in training, half of them with noise and processing that training never saw.
Inside the card are {inside} fresh films as training draws them. Intervals are 95 %: Wilson's of shares of films, else
films drawn with replacement, 1,000 times. Each figure has the number of films beside it that it is of. A film that the
model abstains on counts with what it would have said, its emergencies as undetermined, but heart score and atrial size
are not measured there; the column "answered" leaves such films out. Undetermined counts as wrong, except in rows that
end in `answered`. `wrong_and_sure` is the share of films on which the model doesn't abstain and is wrong about plane or
region. Outlines are compared pixel by pixel on films that show at least 0.1 % of them.

| figure | bar | held-out | films | 95 % | reached | {columns} |
|---|---|---|---|---|---|{rules}|
{figures}

Numbers beside what always saying the middle of the true ones would be off by, held-out films; a number that is hardly
better is not read off the film:

| number | films | mean error | of the middle | correlation |
|---|---|---|---|---|
{numbers}

Calibration of the emergencies (ten bins), on all held-out films; the limit is what 95 of 100 perfectly calibrated
models with as many films stay below:

| emergency | films | with it | calibration error | limit | inside |
|---|---|---|---|---|---|
{calibration}

Missed and doubted by severity, held-out films that have it:

| emergency | third | films | from | to | present | absent | undetermined |
|---|---|---|---|---|---|---|---|
{severity}

## Pictures that must not alarm

| picture | shown | abstained | called an emergency at 0.5 or more |
|---|---|---|---|
{strangers}

Photographs, ultrasound, CT slices and the real film are those of the package deid-data, which has no human chest film,
so human chests are synthetic only. The synthetic pictures come from the same generators as the ones that the model
learnt to abstain on, with other seeds: they say little of strangers of another kind.

## Films inside the card, spoilt

| how | films | abstained | plane right where answered | inverted | moved | cut off | false alarms |
|---|---|---|---|---|---|---|---|
{checks}

## Measured on one real film

The feline film of the package deid-data (lateral, thorax and abdomen), laid every way. It was not trained on; it is
one film, so these lines are an example and not a statistic. There is no truth for its points: look at them.

![The real film with the points and outlines that the model suggests](real.png)

| laid | abstained | oddness | plane | side | region | inverted | heart score | atrial size | ribs | vertebrae | \
outlines | emergencies |
|---|---|---|---|---|---|---|---|---|---|---|---|---|
{real}
"""


def card(draft: Draft, evaluation: Evaluation) -> str:
    """Return the card as Markdown; it shows ``real.png``, which lies beside it where the real film is installed."""
    others = [name for name in SUBSETS if name != "held-out"]
    measured = _MEASURED.format(
        made=_made(draft),
        holdout=evaluation.holdout,
        films=len(evaluation.of("held-out")),
        inside=len(evaluation.of("inside the card")),
        columns=" | ".join(others),
        rules="---|" * (len(others) - 1) + "---",
        figures="\n".join(_figures(evaluation, others)),
        numbers="\n".join(_numbers(evaluation.of("held-out"))),
        calibration="\n".join(_calibration(evaluation.of("held-out"))),
        severity="\n".join(_severity(evaluation.of("held-out"))),
        strangers="\n".join(_strangers(evaluation)),
        checks="\n".join(map(_check, evaluation.checks)),
        real="\n".join(map(_real, evaluation.real)) or "| not installed |" + " |" * 12,
    )
    return _heading(draft) + measured


def _heading(draft: Draft) -> str:
    ranges = training()
    dog, cat = (f"{span.low:g} and {span.high:g} kg" for span in (ranges.dog_kg, ranges.cat_kg))
    return _HEADING.format(name=NAME, version=VERSION, sure=draft.sure, dog=dog, cat=cat)


def _made(draft: Draft) -> str:
    last = "" if draft.last_loss is None else f", last loss {draft.last_loss:.3f}"
    return _MADE.format(
        parent=f", on from the weights `{draft.parent[:12]}`" if draft.parent else "",
        films=draft.films, looks=draft.looks, seed=draft.seed, digest=draft.dataset, steps=draft.steps,
        forced=FORCED, parameters=draft.parameters, last=last,
        temperatures=", ".join(f"{name} {value:.2f}" for name, value in draft.temperatures.items()),
        odd=draft.card.odd_from, vhs=draft.card.heart_score_error, vlas=draft.card.atrial_size_error,
        thresholds="; ".join(
            f"{name} absent below {one.absent_below:.3f}, present from {one.present_from:.3f}"
            for name, one in draft.card.thresholds.items()
        ),
    )  # fmt: skip


def _figures(evaluation: Evaluation, others: Sequence[str]) -> Iterator[str]:
    whole = evaluation.of("held-out")
    columns = [evaluation.of(name) for name in others]
    for name, metric in scores.METRICS.items():
        measured, cells = _measured(whole, metric), [_cell(column, name) for column in columns]
        if measured or any(cells):
            yield f"| {name} | {_bar(metric)} | {measured or '| | |'} | {' | '.join(cells)} |"


def _measured(records: Sequence[Record], metric: scores.Metric) -> str:
    """Return a figure, its films, its interval, and whether it reaches its bar; empty when there is none."""
    value = scores.value(records, metric.name)
    if math.isnan(value):
        return ""
    low, high = scores.interval(records, metric.name)
    reached = "" if metric.bar is None else ("yes" if metric.reached(value) else "**no**")
    return f"{value:.3f} | {len(metric.rows(records))} | {low:.3f} to {high:.3f} | {reached}"


def _bar(metric: scores.Metric) -> str:
    return "" if metric.bar is None else f"{'≥' if metric.higher_is_better else '≤'} {metric.bar}"


def _cell(records: Sequence[Record], name: str) -> str:
    value = scores.value(records, name)
    return "" if math.isnan(value) else f"{value:.3f} ({len(scores.METRICS[name].rows(records))})"


def _numbers(records: Sequence[Record]) -> Iterator[str]:
    lateral, others = [one for one in records if one.lateral], [one for one in records if not one.lateral]
    asked = (
        ("rotation, lateral films", [one.rotation for one in lateral]),
        ("rotation, other films", [one.rotation for one in others]),
        ("breath", [one.breath for one in records]),
        ("heart score", [one.heart_score for one in records]),
        ("atrial size", [one.atrial_size for one in records]),
    )
    for name, numbers in asked:
        pairs = np.array([(one.right, one.said) for one in numbers if one and one.said is not None])
        if len(pairs) > 1:
            right, said = pairs.T
            off, middle = float(np.abs(said - right).mean()), float(np.abs(right - np.median(right)).mean())
            moved = min(np.ptp(right), np.ptp(said)) > 0.0
            together = f"{np.corrcoef(right, said)[0, 1]:.2f}" if moved else ""
            yield f"| {name} | {len(pairs)} | {off:.2f} | {middle:.2f} | {together} |"


def _calibration(records: Sequence[Record]) -> Iterator[str]:
    for name in LESIONS:
        shares, there = lesion_shares(records, name)
        if not len(shares):
            continue
        error, limit = scores.METRICS[f"{name}_calibration_error"], statistics.calibration_limit(shares)
        value = error.figure(error.rows(records))
        inside = "yes" if value <= limit else "**no**"
        yield f"| {name} | {len(shares)} | {int(there.sum())} | {value:.3f} | {limit:.3f} | {inside} |"


def _severity(records: Sequence[Record]) -> Iterator[str]:
    for name in LESIONS:
        asked = (record.lesions[name] for record in records if name in record.lesions)
        found = sorted((one.amount, one.says) for one in asked if one.amount is not None)
        size = -(-len(found) // 3)
        for third in range(3):
            part = found[third * size : (third + 1) * size]
            if part:
                said = [says for _, says in part]
                counts = " | ".join(str(said.count(word)) for word in ("present", "absent", "undetermined"))
                yield f"| {name} | {third + 1} | {len(part)} | {part[0][0]:.0f} | {part[-1][0]:.0f} | {counts} |"


def _strangers(evaluation: Evaluation) -> Iterator[str]:
    kinds = [(one.what, one) for one in evaluation.strangers]
    kinds += [("the real film, laid every way", one) for one in evaluation.real]
    for kind in dict.fromkeys(what for what, _ in kinds):
        mine = [one for what, one in kinds if what == kind]
        abstained, alarms = sum(bool(one.doubt) for one in mine), sum(one.alarms for one in mine)
        yield f"| {kind} | {len(mine)} | {abstained} | {alarms} |"


def _check(one: Check) -> str:
    shares = (one.abstained, one.plane, one.inverted, one.moved, one.cut, one.false_alarms)
    return f"| {one.what} | {one.films} | {' | '.join(f'{share:.2f}' for share in shares)} |"


def _real(one: Saying) -> str:
    said = " | ".join(f"{what} {certainty:.2f}" for what, certainty in one.said.values())
    measured = " | ".join(
        "not measured" if value is None else f"{value:.1f}" for value in (one.heart_score, one.atrial_size)
    )
    spine = f"{one.vertebrae[0]} to {one.vertebrae[-1]} ({len(one.vertebrae)})" if one.vertebrae else "none"
    lesions = ", ".join(
        f"{name} {share:.2f}{' present' if name in one.present else ''}" for name, share in one.lesions.items()
    )
    return (
        f"| {one.what} | {one.doubt or 'no'} | {one.oddness:.2f} | {said} | {'yes' if one.inverted else 'no'} | "
        f"{measured} | {one.ribs or ''} | {spine} | {', '.join(one.organs) or 'none'} | {lesions} |"
    )
