"""Trunk phantoms: what a beam crosses, where the landmarks fall, what lesions look like."""

import math
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from vetflow.domain.heart import HeartPoints
from vetflow.domain.place import Point
from vetflow.domain.signalment import Species
from vetflow.domain.view import Region, View
from vetflow.phantoms.look import stamped
from vetflow.phantoms.meshes import Array, ellipsoid, volume
from vetflow.phantoms.raster import Beam
from vetflow.phantoms.trunk.animal import animal
from vetflow.phantoms.trunk.developing import Exposure, develop, trunk_film
from vetflow.phantoms.trunk.framing import Laid, Part, axes
from vetflow.phantoms.trunk.landmarks import NAMED
from vetflow.phantoms.trunk.lungs import Half, diaphragm, gap_for, lobes
from vetflow.phantoms.trunk.order import VIEWS, Lesion, Order
from vetflow.phantoms.trunk.ranges import Ranges, Span, training
from vetflow.phantoms.trunk.scene import scene
from vetflow.phantoms.trunk.shooting import shoot
from vetflow.phantoms.trunk.skeleton import shapes
from vetflow.phantoms.trunk.solids import Rank, Soft
from vetflow.phantoms.trunk.spine import Spine, spine
from vetflow.phantoms.trunk.sweep import sweep
from vetflow.phantoms.trunk.torso import torso
from vetflow.phantoms.trunk.truth import Shot, from_runs, runs
from vetflow.phantoms.trunk.tubes import sticks
from vetflow.phantoms.trunk.turning import turned_shot

HEALTHY: tuple[Lesion, ...] = ()
STRAIGHT = replace(
    training(),
    rotation=Span(low=-0.01, high=0.01),
    lean=Span(low=-0.01, high=0.01),
    turn=Span(low=-0.01, high=0.01),
    margin=Span(low=0.05, high=0.1),
    cut=Span(low=0.0, high=1e-6),
)
"""Textbook films with nothing cut off."""


def far_beam(*, frame: Array | None = None) -> Beam:
    """Parallel rays along the animal's z axis."""
    return Beam(
        frame=np.eye(3) if frame is None else frame, origin=np.zeros(3), lift=0.0, source=1e9, pixel=1.0,
        shape=(101, 101),
    )  # fmt: skip


def ball(name: str, radius: float, density: float, rank: Rank) -> Soft:
    return Soft(name=name, facets=ellipsoid(np.zeros(3), np.full(3, radius)), density=density, rank=rank)


def an_order(seed: int = 3, view: View = View.RIGHT_LATERAL, region: Region = Region.THORAX, **more: object) -> Order:
    return Order(**{"seed": seed, "view": view, "region": region, "lesions": HEALTHY, "ranges": STRAIGHT, **more})


@cache
def ailing(*lesions: Lesion) -> Shot:
    """The whole trunk of one dog, healthy or with lesions."""
    return shoot(an_order(14, region=Region.TRUNK, species=Species.DOG, lesions=lesions), size=256)


@pytest.fixture(scope="module")
def chest() -> Shot:
    """A textbook right lateral of a dog's chest."""
    return shoot(an_order(species=Species.DOG), size=420)


def walked(origin: Point, towards: Point, by: float) -> tuple[int, int]:
    """Row and column `by` pixels past the second point on the way from the first."""
    way = np.subtract(towards, origin) / math.dist(origin, towards)
    column, row = np.floor(np.array(towards) + by * way).astype(int)
    return int(row), int(column)


def test_what_lies_inside_takes_the_place_of_what_lies_around() -> None:
    around, within = ball("muscle", 40.0, 1.0, Rank.MUSCLE), ball("gas", 20.0, 0.0, Rank.GAS)

    crossed = sweep([around, within], far_beam(), names=("gas", "muscle"))

    assert crossed.parts["gas"][50, 50] == pytest.approx(40.0, rel=0.02)
    assert crossed.parts["muscle"][50, 50] == pytest.approx(40.0, rel=0.03)
    assert crossed.water[50, 50] == pytest.approx(40.0, rel=0.03)
    assert crossed.water[5, 5] == 0.0


def test_solids_of_one_kind_that_overlap_count_once() -> None:
    one = ball("muscle", 30.0, 1.0, Rank.MUSCLE)
    aside = replace(one, facets=one.facets + np.array([0.0, 0.0, 10.0]))

    crossed = sweep([one, aside], far_beam(), names=())

    assert crossed.water[50, 50] == pytest.approx(70.0, rel=0.02)


def test_a_mirrored_detector_sees_the_same_solids() -> None:
    solids = [ball("muscle", 40.0, 1.0, Rank.MUSCLE), ball("lung", 20.0, 0.3, Rank.LUNG)]
    solids[1] = replace(solids[1], facets=solids[1].facets + np.array([12.0, 5.0, 0.0]))

    seen = sweep(solids, far_beam(), names=()).water
    mirrored = sweep(solids, far_beam(frame=np.diag([-1.0, 1.0, 1.0])), names=()).water

    np.testing.assert_allclose(mirrored[:, ::-1], seen, atol=0.02)


def test_sticks_are_closed_and_wound_outwards() -> None:
    facets = sticks(np.array([[0.0, 0, 0], [5, 5, 5]]), np.array([[0.0, 0, 10], [9, 5, 3]]), np.full((2, 2), 1.0))

    hexagon = 1.5 * math.sqrt(3.0)
    assert volume(facets) == pytest.approx(hexagon * (10.0 + math.sqrt(20.0)), rel=1e-6)


@pytest.mark.parametrize("name", NAMED)
def test_end_plates_lie_on_the_mesh(name: str) -> None:
    shape = shapes()[name]
    middle = shape.points[np.abs(shape.points[:, 1]) < 5.0]

    for end in (shape.length / 2, -shape.length / 2):
        near = middle[np.abs(middle[:, 0] - end) < 3.5]
        assert near[:, 2].min() < 0 < near[:, 2].max()


def a_spine() -> Spine:
    rng = np.random.default_rng(1)
    return spine(rng, animal(rng, training(), species=Species.DOG), training())


def test_bending_keeps_lengths_along_the_spine() -> None:
    one = a_spine()
    straight = np.zeros((200, 3))
    straight[:, 0] = np.linspace(one.level(1.0), one.level(20.0), 200)

    steps = np.linalg.norm(np.diff(one.bent(straight), axis=0), axis=1)

    assert steps.sum() == pytest.approx(one.level(1.0) - one.level(20.0), rel=0.01)


def test_what_a_spine_carries_stays_stiff() -> None:
    one = a_spine()
    points = np.random.default_rng(2).normal(0.0, 50.0, (20, 3))

    carried = one.carried(points, one.level(20.0))

    before, after = (np.linalg.norm(some[:, None] - some[None], axis=-1) for some in (points, carried))
    np.testing.assert_allclose(after, before, atol=1e-9)


def test_a_unit_is_the_mean_length_of_the_fourth_to_the_eighth_thoracic_vertebra() -> None:
    one = a_spine()

    assert (one.level(4.0) - one.level(9.0)) / 5 == pytest.approx(one.unit_mm, rel=0.04)


def test_a_gap_holds_the_volume_it_was_made_for() -> None:
    body = animal(np.random.default_rng(4), training(), species=Species.DOG)
    walls = torso(body, spine(np.random.default_rng(5), body, training()), breath=0.6)
    dome = diaphragm(walls, breath=0.6, down=0.0)
    half = Half(torso=walls, side=1.0, gap=0.0)
    wanted = 12.0 * body.weight_kg

    gap = gap_for(half, dome, wanted)

    whole, lung = (sum(map(volume, lobes(replace(half, gap=one), dome))) for one in (0.0, gap))
    assert (whole - lung) / 1000.0 == pytest.approx(wanted, rel=0.15)


def test_the_axes_of_the_heart_end_at_its_outline(chest: Shot) -> None:
    heart, mask = chest.truth.heart, chest.masks["heart"]
    assert heart is not None

    middle = (np.array(heart.carina) + np.array(heart.apex)) / 2
    for origin, end in ((heart.carina, heart.apex), *((tuple(middle), end) for end in heart.widest)):
        assert mask[walked(origin, end, -4.0)]
        assert not mask[walked(origin, end, 5.0)]


def test_the_short_axis_stands_upright_on_the_long_one(chest: Shot) -> None:
    heart = chest.truth.heart
    assert heart is not None

    long_axis, short_axis = np.subtract(heart.apex, heart.carina), np.subtract(*heart.widest)

    cosine = long_axis @ short_axis / np.linalg.norm(long_axis) / np.linalg.norm(short_axis)
    assert abs(cosine) < 1e-6


@pytest.mark.parametrize("seed", [1, 2])
def test_scores_measured_on_the_film_are_those_the_heart_was_built_for(seed: int) -> None:
    order = an_order(seed)

    built, truth = scene(order).heart, shoot(order, size=64).truth

    assert truth.heart_score == pytest.approx(built.score, abs=0.35)
    assert truth.atrial_size == pytest.approx(built.atrial_score, abs=0.12)


@pytest.mark.parametrize(("lesion", "measured"), [(Lesion.LARGE_HEART, 0), (Lesion.LARGE_ATRIUM, 1)])
def test_an_enlarged_heart_measures_more(lesion: Lesion, measured: int) -> None:
    usual, large = (shoot(an_order(6, lesions=some), size=64).truth for some in (HEALTHY, (lesion,)))

    before, after = ((truth.heart_score, truth.atrial_size)[measured] for truth in (usual, large))

    assert after > before + 0.3


def test_vertebrae_follow_each_other_from_head_to_tail(chest: Shot) -> None:
    bodies = list(chest.truth.vertebrae.values())

    assert list(chest.truth.vertebrae)[:2] == ["C7", "T1"]
    assert list(chest.truth.vertebrae)[-2:] == ["L7", "S1"]
    ends = [column for body in bodies for (column, _), _ in (body.cranial, body.caudal)]
    assert ends == sorted(ends)


def test_there_is_more_bone_in_a_vertebra_than_in_the_disc_behind_it(chest: Shot) -> None:
    bone, bodies = chest.projection.bone, chest.truth.vertebrae
    names = [f"T{number}" for number in range(8, 13)]
    assert all(bodies[name].shown for name in names)

    def thickness(points: list[Point]) -> float:
        return float(np.mean([bone[int(row), int(column)] for column, row in points]))

    centres = [bodies[name].centre for name in names]
    discs = [
        tuple(np.mean([*bodies[name].caudal, *bodies[following].cranial], axis=0))
        for name, following in pairwise(names)
    ]

    assert thickness(centres) > 1.25 * thickness(discs)


def test_dorsal_ends_of_end_plates_lie_above_the_ventral_ones(chest: Shot) -> None:
    assert all(body.cranial[0][1] < body.cranial[1][1] for body in chest.truth.vertebrae.values())


def test_ribs_are_counted_in_pairs_and_each_has_its_head(chest: Shot) -> None:
    assert chest.truth.rib_pairs in {12, 13}
    assert len(chest.truth.rib_heads) == 2 * chest.truth.rib_pairs


def test_lung_lies_before_the_diaphragm_and_liver_behind_it(chest: Shot) -> None:
    outline = np.array(chest.truth.diaphragm)
    column, row = outline[len(outline) // 2]
    off = round(0.08 * chest.projection.bone.shape[1])

    assert chest.masks["lung"][int(row), int(column) - off]
    assert chest.masks["liver"][int(row), int(column) + off]


def test_positive_rotation_brings_the_breastbone_to_the_animals_left() -> None:
    sternum, left = np.array([0.0, 0.0, -1.0]), np.array([0.0, 1.0, 0.0])

    for view in VIEWS:
        true, turned = (axes(view, Laid(rotation=angle, lean=0.0, turn=0.0)) for angle in (0.0, 15.0))
        assert float((turned @ sternum) @ (true @ left)) > 0.2


def test_a_textbook_film_misses_nothing_and_a_narrow_one_does() -> None:
    whole = shoot(an_order(8, region=Region.TRUNK), size=64).truth
    narrow = replace(STRAIGHT, margin=Span(low=-0.25, high=-0.2))
    cut = shoot(an_order(8, region=Region.TRUNK, ranges=narrow), size=64).truth

    assert whole.missing == ()
    assert {Part.HIPS, Part.SPINE} <= set(cut.missing)


def test_limbs_pulled_forward_leave_the_lung_free() -> None:
    forward, back = (replace(STRAIGHT, reach=Span(low=low, high=low + 0.01)) for low in (0.95, -0.05))

    free, covered = (
        shoot(an_order(9, ranges=ranges), size=128).projection.truth.limbs_over for ranges in (forward, back)
    )

    assert free is not None
    assert covered is not None
    assert covered > free + 0.03


def test_gas_rises_to_the_side_that_is_up() -> None:
    gassy = replace(STRAIGHT, gas=Span(low=0.4, high=0.41))

    def height_of_gas(view: View) -> float:
        shot = shoot(an_order(12, view, Region.ABDOMEN, ranges=gassy), size=200)
        rows, _ = np.nonzero(shot.masks["stomach gas"])
        return float(rows.mean() / shot.projection.bone.shape[0])

    # The fundus is left and dorsal, the pylorus right and ventral; dorsal is up on both films.
    assert height_of_gas(View.RIGHT_LATERAL) < height_of_gas(View.LEFT_LATERAL) - 0.03


def test_a_volvulus_shows_two_chambers_of_gas_and_the_line_between() -> None:
    usual, turned = ailing(), ailing(Lesion.VOLVULUS)

    (severity,) = turned.truth.lesions
    assert 180.0 <= severity.amount <= 360.0
    assert severity.box is not None
    assert turned.masks["stomach gas"].sum() > 1.5 * usual.masks["stomach gas"].sum()
    assert turned.masks["compartment line"].any()


def test_an_effusion_lies_where_its_box_says_and_dims_the_lung() -> None:
    usual, wet = ailing(), ailing(Lesion.PLEURAL_EFFUSION)

    (severity,) = wet.truth.lesions
    assert severity.box is not None
    fluid = wet.masks["pleural fluid"]
    rows, columns = np.nonzero(fluid)
    assert (severity.box.left, severity.box.right) == (columns.min(), columns.max() + 1)
    assert (severity.box.top, severity.box.bottom) == (rows.min(), rows.max() + 1)
    chest = usual.masks["lung"]
    assert wet.projection.soft[chest].mean() > usual.projection.soft[chest].mean()


def test_free_air_darkens_the_chest() -> None:
    usual, burst = ailing(), ailing(Lesion.PNEUMOTHORAX)

    rim = burst.masks["free air"] & ~burst.masks["lung"] & ~burst.masks["heart"]

    assert rim.any()
    assert burst.projection.soft[rim].mean() < usual.projection.soft[rim].mean()


def test_free_fluid_blurs_the_organs() -> None:
    usual, wet = ailing(), ailing(Lesion.PERITONEAL_EFFUSION)

    def detail(shot: Shot) -> float:
        rows, columns = shot.projection.soft.shape
        part = shot.projection.soft[rows // 2 : 3 * rows // 4, columns // 2 : 3 * columns // 4]
        return float(np.abs(np.diff(part, axis=0)).mean() / part.mean())

    assert "peritoneal fluid" in wet.masks
    assert detail(wet) < detail(usual)


def test_the_same_order_gives_the_same_bytes() -> None:
    one, again = (trunk_film(an_order(21, lesions=None), size=96) for _ in range(2))

    assert one.film.pixels.tobytes() == again.film.pixels.tobytes()
    assert one.truth == again.truth


@pytest.mark.parametrize("view", [View.LEFT_LATERAL, View.DORSOVENTRAL])
def test_bone_is_bright_unless_the_truth_says_inverted(view: View) -> None:
    made = trunk_film(an_order(22, view), size=128)
    shot = shoot(an_order(22, view), size=128)
    grey = made.film.pixels.astype(float) * (-1.0 if made.film.photometric == "MONOCHROME1" else 1.0)
    box = made.film.truth.field
    part = np.s_[int(box.top) : int(box.bottom), int(box.left) : int(box.right)]

    likeness = np.corrcoef(grey[part].ravel(), (shot.projection.soft + 2 * shot.projection.bone)[part].ravel())[0, 1]

    assert (likeness < 0) == made.film.truth.inverted


def test_the_marker_names_the_side_the_animal_lies_on() -> None:
    letters = {
        (view, trunk_film(an_order(seed, view), size=48).film.marker)
        for view in (View.LEFT_LATERAL, View.RIGHT_LATERAL)
        for seed in (1, 2)
    }

    assert {pair for pair in letters if pair[1]} == {(View.LEFT_LATERAL, "L"), (View.RIGHT_LATERAL, "R")}


def test_a_marker_lies_on_its_own_side_of_the_animal(chest: Shot) -> None:
    bare = replace(chest.projection, soft=np.zeros_like(chest.projection.soft))
    grey, columns = np.zeros_like(bare.soft), bare.soft.shape[1]

    for right, letter, to_the_right in (("LE", "L", True), ("LE", "R", False), ("RT", "R", True)):
        shown = replace(bare, truth=replace(bare.truth, orientation=(right, "CD")))
        marked = stamped(grey, letter, shown, np.random.default_rng(3))
        assert (np.nonzero(marked)[1].mean() > columns / 2) == to_the_right


def test_more_dose_means_less_noise(chest: Shot) -> None:
    def roughness(deviation: float) -> float:
        how = Exposure(
            deviation=deviation, contrast=2.0, scatter=0.1, grain=0.02, blur=0.05, detail=0.0, ceiling=1.5,
            foreign=False,
        )  # fmt: skip
        grey = develop(chest, how, np.random.default_rng(1)).film.pixels.astype(float)
        grey /= grey.max()
        return float(np.abs(np.diff(grey[chest.masks["liver"]])).mean())

    assert roughness(-5.0) > 1.3 * roughness(5.0)


def test_foreign_processing_gives_another_film_of_the_same_animal() -> None:
    own, foreign = (trunk_film(an_order(23), size=96, foreign=foreign) for foreign in (False, True))

    assert own.truth == foreign.truth
    assert own.film.pixels.tobytes() != foreign.film.pixels.tobytes()


def test_four_quarter_turns_and_two_mirrors_change_nothing(chest: Shot) -> None:
    around = chest
    for _ in range(4):
        around = turned_shot(around, quarters=1, mirrored=False)
    back = turned_shot(turned_shot(chest, quarters=0, mirrored=True), quarters=0, mirrored=True)

    for again in (around, back):
        assert again.projection.truth == chest.projection.truth
        np.testing.assert_allclose(again.truth.vertebrae["T8"].centre, chest.truth.vertebrae["T8"].centre)
        np.testing.assert_array_equal(again.masks["heart"], chest.masks["heart"])


@pytest.mark.parametrize(("quarters", "mirrored"), [(1, False), (2, True), (3, True)])
def test_landmarks_turn_with_the_film(chest: Shot, quarters: int, mirrored: bool) -> None:
    turned = turned_shot(chest, quarters=quarters, mirrored=mirrored)
    heart: HeartPoints | None = turned.truth.heart
    assert heart is not None

    (ax, ay), (bx, by) = heart.carina, heart.apex
    column, row = int((ax + bx) / 2), int((ay + by) / 2)

    assert turned.masks["heart"][row, column]
    assert turned.truth.heart_score == chest.truth.heart_score
    assert turned.projection.bone.shape == turned.masks["heart"].shape


def test_a_mask_survives_as_runs() -> None:
    rng = np.random.default_rng(1)

    for mask in (rng.random((7, 9)) < 0.4, np.zeros((3, 4), bool), np.ones((3, 4), bool)):
        np.testing.assert_array_equal(from_runs(runs(mask), mask.shape), mask)


def test_a_limb_is_no_trunk() -> None:
    with pytest.raises(ValueError, match="no trunk phantom of forelimb"):
        Order(seed=1, view=View.VENTRODORSAL, region=Region.FORELIMB)


def test_fluid_and_air_around_the_lungs_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="fluid and air"):
        an_order(lesions=(Lesion.PLEURAL_EFFUSION, Lesion.PNEUMOTHORAX))


def test_lesions_are_drawn_when_none_are_asked_for() -> None:
    drawn = [set(an_order(seed, lesions=None).severities()) for seed in range(200)]

    assert set().union(*drawn) == set(Lesion)
    assert set() in drawn
    assert not any({Lesion.PLEURAL_EFFUSION, Lesion.PNEUMOTHORAX} <= some for some in drawn)


def test_cats_and_dogs_have_their_own_proportions() -> None:
    cat, dog = (animal(np.random.default_rng(7), training(), species=species) for species in (Species.CAT, Species.DOG))

    assert cat.unit_mm < dog.unit_mm
    assert cat.bones < dog.bones
    assert training().cat_kg.low <= cat.weight_kg <= training().cat_kg.high


def test_a_table_with_an_unknown_span_is_refused() -> None:
    with pytest.raises(TypeError, match="tail_length"):
        Ranges.of({"tail_length": (1.0, 2.0)})
