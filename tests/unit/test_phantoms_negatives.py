"""Pictures that are no film a model was made for."""

import numpy as np
import pytest

from vetflow.phantoms.human import human_chest
from vetflow.phantoms.negatives import Kind, negative


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_can_be_made_and_comes_out_the_same_again(kind: Kind) -> None:
    one, again, other = (negative(seed, kind, size=96) for seed in (1, 1, 2))

    assert one.kind is kind
    assert one.pixels.dtype == np.uint16
    assert max(one.pixels.shape) == 96
    assert one.pixels.tobytes() == again.pixels.tobytes()
    assert one.pixels.tobytes() != other.pixels.tobytes()


def test_a_human_chest_has_two_lungs_beside_its_heart() -> None:
    frontal = human_chest(np.random.default_rng(1), lateral=False, size=128)
    row = frontal.soft[52] + 2 * frontal.bone[52]
    columns = len(row)

    middle = row[int(0.45 * columns) : int(0.55 * columns)].mean()

    assert row[int(0.22 * columns) : int(0.38 * columns)].mean() < 0.8 * middle
    assert row[int(0.62 * columns) : int(0.78 * columns)].mean() < 0.8 * middle


def test_a_photograph_has_more_coarse_than_fine_contrast() -> None:
    pixels = negative(3, Kind.PHOTO, size=128).pixels.astype(float)

    fine = np.abs(np.diff(pixels, axis=0)).mean()
    coarse = np.abs(pixels[32:] - pixels[:-32]).mean()

    assert coarse > 3 * fine
