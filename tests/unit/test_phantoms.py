"""Phantoms: meshes, thickness, films and their truth."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from vetflow.domain.errors import ConfigurationError
from vetflow.domain.view import Region, View
from vetflow.phantoms import films, meshes
from vetflow.phantoms.films import film, projection, turned
from vetflow.phantoms.look import equalise_locally, expose
from vetflow.phantoms.meshes import ellipsoid, loft, rotation, tube, volume
from vetflow.phantoms.raster import Beam, add_facets
from vetflow.phantoms.truth import Edge, Film

EVERY = [(region, view) for region in films.REGIONS for view in films.views_of(region)]


def far_beam(*, shape: tuple[int, int] = (101, 101), pixel: float = 1.0) -> Beam:
    """A source so far away that its rays are parallel, along the animal's z axis."""
    return Beam(frame=np.eye(3), origin=np.zeros(3), lift=0.0, source=1e9, pixel=pixel, shape=shape)


def bright_bone(made: Film) -> np.ndarray:
    """Grey values with PhotometricInterpretation applied."""
    grey = made.pixels.astype(float)
    return grey.max() - grey if made.photometric == "MONOCHROME1" else grey


def test_a_ball_is_as_thick_as_its_chords() -> None:
    image = np.zeros((101, 101), np.float32)

    add_facets(image, ellipsoid(np.zeros(3), np.full(3, 40.0)), far_beam())

    assert image[50, 50] == pytest.approx(80.0, rel=0.02)
    assert image[50, 70] == pytest.approx(2 * np.sqrt(40.0**2 - 20.0**2), rel=0.03)
    assert image[5, 5] == 0.0


def test_the_sum_of_thickness_is_the_volume() -> None:
    facets = tube(np.array([[-30.0, 0, 0], [0, 5, 10], [30, 0, 0]]), np.array([6.0, 9.0, 4.0]))
    image = np.zeros((401, 401), np.float32)

    add_facets(image, facets, far_beam(shape=(401, 401), pixel=0.25))

    assert float(image.sum()) * 0.25**2 == pytest.approx(volume(facets), rel=0.01)


def test_a_mirrored_detector_sees_the_same_thickness() -> None:
    facets = ellipsoid(np.array([10.0, 0, 0]), np.array([20.0, 10, 15]))
    seen, mirrored = np.zeros((101, 101), np.float32), np.zeros((101, 101), np.float32)
    beam = far_beam()

    add_facets(seen, facets, beam)
    add_facets(mirrored, facets, replace(beam, frame=np.diag([-1.0, 1.0, 1.0])))

    np.testing.assert_allclose(mirrored[:, ::-1], seen, atol=1e-3)


def test_a_near_thing_is_magnified() -> None:
    facets = ellipsoid(np.zeros(3), np.full(3, 10.0))
    beam = replace(far_beam(), source=1000.0)
    low, high = np.zeros((101, 101), np.float32), np.zeros((101, 101), np.float32)

    add_facets(low, facets, beam)
    add_facets(high, facets, replace(beam, lift=500.0))

    assert (high > 0).sum() == pytest.approx(4 * (low > 0).sum(), rel=0.1)


def test_a_loft_wound_inward_is_turned() -> None:
    ring = np.array([[0.0, 1, 0], [0, 0, 1], [0, -1, 0], [0, 0, -1]])
    rings = np.stack([ring, ring + np.array([1.0, 0, 0])])

    assert volume(loft(rings)) == pytest.approx(2.0)
    assert volume(loft(rings[::-1])) == pytest.approx(2.0)


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_rotations_keep_lengths_and_handedness(axis: str) -> None:
    matrix = rotation(0.7, axis)

    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix) == pytest.approx(1.0)


def test_the_dog_has_both_of_each_limb_and_one_of_the_rest() -> None:
    found = {(bone.segment, bone.side) for bone in meshes.bones()}

    for limb in ("scapula", "humerus", "forearm", "paw", "femur", "crus", "foot"):
        assert {(limb, "L"), (limb, "R")} <= found
    assert {("thorax", ""), ("loins", ""), ("pelvis", ""), ("neck", ""), ("head", ""), ("tail", "")} <= found


def test_left_bones_lie_left_and_right_bones_right() -> None:
    for bone in meshes.bones():
        if bone.side:
            assert np.sign(bone.centre[1]) == (1 if bone.side == "L" else -1)


def test_missing_meshes_say_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dm_control", None)
    meshes.bones.cache_clear()

    try:
        with pytest.raises(ConfigurationError, match=r"pip install vetflow\[train\]"):
            meshes.bones()
    finally:
        meshes.bones.cache_clear()


@pytest.mark.parametrize(("region", "view"), EVERY)
def test_a_film_can_be_made_of_every_region_in_every_view(region: Region, view: View) -> None:
    made = film(5, view=view, region=region, size=128)

    assert max(made.pixels.shape) == 128
    assert made.pixels.dtype == np.uint16
    assert made.pixels.max() < 2**made.bits
    assert made.pixels.std() > 0
    assert (made.truth.view, made.truth.region) == (view, region)
    rows, columns = made.pixels.shape
    box = made.truth.field
    assert 0 <= box.left < box.right <= columns
    assert 0 <= box.top < box.bottom <= rows


def test_the_same_seed_gives_the_same_bytes() -> None:
    one, again = (film(11, view=View.LATERAL, region=Region.THORAX, size=128) for _ in range(2))

    assert one.pixels.tobytes() == again.pixels.tobytes()
    assert one.truth == again.truth


def test_another_seed_gives_another_animal() -> None:
    one = projection(11, view=View.LEFT_LATERAL, region=Region.THORAX, size=96)
    other = projection(12, view=View.LEFT_LATERAL, region=Region.THORAX, size=96)

    assert one.bone.shape != other.bone.shape or not np.allclose(one.bone, other.bone)


def test_a_limb_view_of_a_chest_is_refused() -> None:
    with pytest.raises(ValueError, match="no phantom of thorax"):
        film(1, view=View.MEDIOLATERAL, region=Region.THORAX)


def test_a_view_without_its_side_gets_one() -> None:
    sides = {projection(seed, view=View.LATERAL, region=Region.ABDOMEN, size=48).truth.view for seed in range(8)}

    assert sides == {View.LEFT_LATERAL, View.RIGHT_LATERAL}


def test_the_head_points_left_on_lateral_and_up_on_ventrodorsal_films() -> None:
    lateral = projection(3, view=View.RIGHT_LATERAL, region=Region.TRUNK, size=64)
    front = projection(3, view=View.VENTRODORSAL, region=Region.TRUNK, size=64)

    assert (lateral.truth.head, lateral.truth.orientation) == (Edge.LEFT, ("CD", "V"))
    assert (front.truth.head, front.truth.orientation) == (Edge.TOP, ("LE", "CD"))


def test_the_lung_is_darker_than_the_belly() -> None:
    made = projection(21, view=View.LEFT_LATERAL, region=Region.TRUNK, size=128)
    rows, columns = made.soft.shape

    chest = made.soft[rows // 3 : 2 * rows // 3, columns // 5 : columns // 2].min()
    belly = np.median(made.soft[rows // 3 : 2 * rows // 3, columns // 2 : 4 * columns // 5])

    assert chest < 0.7 * belly


def test_four_quarter_turns_and_two_mirrors_change_nothing() -> None:
    made = projection(7, view=View.LEFT_LATERAL, region=Region.THORAX, size=64)

    round_about = made
    for _ in range(4):
        round_about = turned(round_about, quarters=1, mirrored=False)
    back = turned(turned(made, quarters=0, mirrored=True), quarters=0, mirrored=True)

    for again in (round_about, back):
        np.testing.assert_array_equal(again.bone, made.bone)
        assert again.truth == made.truth


def test_truth_turns_with_the_film() -> None:
    made = projection(7, view=View.LEFT_LATERAL, region=Region.THORAX, size=64)

    right_way_up = turned(made, quarters=1, mirrored=False)
    mirrored = turned(made, quarters=0, mirrored=True)

    assert right_way_up.truth.head is Edge.TOP
    assert right_way_up.truth.orientation == ("D", "CD")
    assert mirrored.truth.head is Edge.RIGHT
    assert mirrored.truth.orientation == ("CR", "V")
    inside = right_way_up.truth.field
    assert (inside.right - inside.left, inside.bottom - inside.top) == (
        made.truth.field.bottom - made.truth.field.top,
        made.truth.field.right - made.truth.field.left,
    )


def test_bone_is_bright_unless_the_truth_says_inverted() -> None:
    seen: set[bool] = set()
    for seed in range(10):
        made = projection(seed, view=View.LATERAL, region=Region.THORAX, size=96)
        shot = expose(made, np.random.default_rng(seed), inverted=0.5)
        box = made.truth.field
        part = np.s_[int(box.top) : int(box.bottom), int(box.left) : int(box.right)]

        likeness = np.corrcoef(bright_bone(shot)[part].ravel(), (made.soft + 2 * made.bone)[part].ravel())[0, 1]

        assert (likeness < 0) == shot.truth.inverted
        seen.add(shot.truth.inverted)
    assert seen == {True, False}


def test_looks_differ_where_the_animal_is_the_same() -> None:
    made = projection(2, view=View.LATERAL, region=Region.THORAX, size=96)

    one, other = (expose(made, np.random.default_rng(seed)) for seed in (1, 2))

    assert one.pixels.tobytes() != other.pixels.tobytes()


def test_local_equalisation_lifts_a_faint_pattern() -> None:
    ramp = np.tile(np.linspace(0.0, 1.0, 128, dtype=np.float32), (128, 1))
    faint = ramp * 0.2 + 0.4 + 0.01 * (np.indices((128, 128)).sum(axis=0) % 2)

    lifted = equalise_locally(faint.astype(np.float32), limit=4.0, blend=1.0)

    assert np.abs(np.diff(lifted, axis=0)).mean() > 2 * np.abs(np.diff(faint, axis=0)).mean()
    assert lifted.min() >= 0.0
    assert lifted.max() <= 1.0 + 1e-6


def test_limbs_over_the_lung_are_measured_on_side_views_of_the_chest_only() -> None:
    chest = projection(4, view=View.LEFT_LATERAL, region=Region.THORAX, size=96)
    front = projection(4, view=View.VENTRODORSAL, region=Region.THORAX, size=96)
    belly = projection(4, view=View.LEFT_LATERAL, region=Region.ABDOMEN, size=96)

    assert chest.truth.limbs_over is not None
    assert 0.0 <= chest.truth.limbs_over <= 1.0
    assert front.truth.limbs_over is None
    assert belly.truth.limbs_over is None
