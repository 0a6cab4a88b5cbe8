"""The bundled model and the runtime that looks with it."""

import hashlib
import io
import json
import pickle
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import torch
from safetensors.torch import load, save

import vetflow
from vetflow.adapters.networks import build
from vetflow.adapters.runtime_torch import TorchRuntime
from vetflow.domain.bundle import METADATA, WEIGHTS, Bundle, from_archive, from_folder
from vetflow.domain.errors import ConfigurationError, StudyRefused
from vetflow.domain.view import Region, View
from vetflow.phantoms.films import film
from vetflow.training.evaluation import real_film
from vetflow.vision.sighting import from_values

FOLDER = Path(vetflow.__file__).parent / "models" / "positioning"


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return from_folder(FOLDER)


@pytest.fixture(scope="module")
def runtime(bundle: Bundle) -> TorchRuntime:
    return TorchRuntime(bundle)


def with_files(bundle: Bundle, *, weights: bytes | None = None, **changes: object) -> Bundle:
    """The bundle with other weights or other entries of its manifest, digests set right."""
    metadata = json.loads(bundle.files[METADATA])
    data = bundle.files[WEIGHTS] if weights is None else weights
    metadata["vetflow"] |= {"weights_sha256": hashlib.sha256(data).hexdigest(), **changes}
    return Bundle(files={**bundle.files, METADATA: json.dumps(metadata).encode(), WEIGHTS: data})


def test_the_bundle_is_data_only_and_small(bundle: Bundle) -> None:
    assert not [path for path in bundle.files if path.endswith(".py")]
    assert len(bundle.files[WEIGHTS]) <= 8 * 2**20
    assert bundle.files["docs/README.md"].decode().split("\n\n")[1].startswith("**Trained on synthetic radiographs")


def test_the_example_gives_the_answer_it_came_with(bundle: Bundle, runtime: TorchRuntime) -> None:
    pixels = np.load(io.BytesIO(bundle.files["golden/film.npy"]), allow_pickle=False)
    golden = json.loads(bundle.files["golden/sight.json"])
    wanted = from_values(golden["sight"], model=runtime.model)

    seen = runtime.look(pixels, inverted=golden["inverted"])

    for head in ("view", "region", "inverted"):
        said, right = getattr(seen, head), getattr(wanted, head)
        assert (said.says, said.steady) == (right.says, right.steady)
        assert said.certainty == pytest.approx(right.certainty, abs=1e-3)
    assert seen.limbs_over == pytest.approx(wanted.limbs_over, abs=1e-3)
    assert seen.field == wanted.field


def test_the_model_says_which_it_is(bundle: Bundle, runtime: TorchRuntime) -> None:
    assert runtime.model.name == "positioning"
    assert runtime.model.digest == hashlib.sha256(bundle.files[WEIGHTS]).hexdigest()
    assert "temperature" in runtime.model.calibration
    assert 0.8 <= runtime.sure <= 1.0


def test_the_model_knows_most_new_phantoms_when_it_is_sure(runtime: TorchRuntime) -> None:
    sure, right = 0, 0
    for index, (view, region) in enumerate(
        [
            (View.LEFT_LATERAL, Region.THORAX),
            (View.RIGHT_LATERAL, Region.TRUNK),
            (View.VENTRODORSAL, Region.PELVIS),
            (View.DORSOVENTRAL, Region.THORAX),
            (View.LEFT_LATERAL, Region.ABDOMEN),
        ]
        * 3
    ):
        made = film(987_000 + index, view=view, region=region, size=256)
        seen = runtime.look(made.pixels, inverted=made.photometric == "MONOCHROME1")
        if seen.view.sure(runtime.sure):
            sure += 1
            right += seen.view.says.plane == view.plane

    assert sure >= 8
    assert right >= 0.9 * sure


@pytest.mark.parametrize("seed", range(4))
def test_noise_is_not_called_a_film(runtime: TorchRuntime, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 4096, (300, 280)).astype(np.uint16)

    seen = runtime.look(noise, inverted=False)

    assert not (seen.view.sure(runtime.sure) and seen.region.sure(runtime.sure))


def test_a_blank_film_is_no_reason_to_fail(runtime: TorchRuntime) -> None:
    seen = runtime.look(np.zeros((40, 40), np.uint16), inverted=False)

    assert 0.0 <= seen.view.certainty <= 1.0


def test_an_answer_that_is_not_a_number_is_refused(bundle: Bundle) -> None:
    weights = load(bundle.files[WEIGHTS])
    broken = TorchRuntime(with_files(bundle, weights=save({key: value * torch.nan for key, value in weights.items()})))

    with pytest.raises(StudyRefused) as refused:
        broken.look(np.random.default_rng(0).random((64, 64)), inverted=False)

    assert refused.value.reason == "model_output_invalid"


def test_a_changed_byte_in_the_weights_is_noticed(bundle: Bundle) -> None:
    changed = bytearray(bundle.files[WEIGHTS])
    changed[-1] ^= 1

    with pytest.raises(ConfigurationError, match="not those"):
        Bundle(files={**bundle.files, WEIGHTS: bytes(changed)})


class Canary:
    """Would leave a mark if anything unpickled it."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (str(self.mark),))

    mark = ""


def test_pickled_weights_are_refused_unopened(bundle: Bundle, tmp_path: Path) -> None:
    canary = Canary()
    canary.mark = str(tmp_path / "unpickled")
    held = io.BytesIO()
    torch.save({"weights": canary}, held)

    for data in (held.getvalue(), pickle.dumps(canary)):
        with pytest.raises(ConfigurationError, match="don't fit"):
            TorchRuntime(with_files(bundle, weights=data))

    assert not (tmp_path / "unpickled").exists()


def test_weights_of_another_network_are_refused(bundle: Bundle) -> None:
    with pytest.raises(ConfigurationError, match="don't fit"):
        TorchRuntime(with_files(bundle, weights=save({"one": torch.zeros(3)})))


def test_a_network_that_is_not_on_the_list_is_refused(bundle: Bundle) -> None:
    named = with_files(bundle, network={"name": "os.system", "settings": {}})

    with pytest.raises(ConfigurationError, match=r"no network called os\.system"):
        TorchRuntime(named)


@pytest.mark.parametrize("widths", ["wide", [1, 2], [10**9] * 4, [0, 1, 1, 1]])
def test_a_network_of_senseless_size_is_refused(widths: str | list[int]) -> None:
    with pytest.raises(ConfigurationError, match="widths"):
        build("small_resnet", {"layers": [1, 1, 1, 1], "widths": widths}, outputs=3)


def test_a_manifest_without_the_needed_heads_is_refused(bundle: Bundle) -> None:
    other = with_files(bundle, heads={"breed": ["pug", "husky"]}, temperatures={"breed": 1.0})

    with pytest.raises(ConfigurationError, match="needs the heads"):
        TorchRuntime(other)


def test_a_bundle_survives_the_way_through_an_archive(bundle: Bundle) -> None:
    again = from_archive(bundle.archive())

    assert again == bundle
    assert again.digest == bundle.digest
    assert bundle.archive() == again.archive()


def test_the_bundle_digest_sees_every_byte_and_name(bundle: Bundle) -> None:
    more = Bundle(files={**bundle.files, "docs/more.md": b""})
    renamed = Bundle(files={**bundle.files, "docs/other.md": b""})

    assert len({bundle.digest, more.digest, renamed.digest}) == 3


@pytest.mark.parametrize("path", ["../escape", "/etc/passwd", "docs/../../escape", "a\\b"])
def test_a_path_that_leaves_the_bundle_is_refused(bundle: Bundle, path: str) -> None:
    with pytest.raises(ConfigurationError, match="not a model bundle"):
        Bundle(files={**bundle.files, path: b""})


def test_an_archive_bomb_is_refused() -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("models/model.safetensors", bytes(65 * 2**20))

    with pytest.raises(ConfigurationError, match="at most 64 MB"):
        from_archive(held.getvalue())


@pytest.mark.parametrize("data", [b"", b"PK", b"nonsense" * 100])
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    with pytest.raises(ConfigurationError, match="damaged"):
        from_archive(data)


@pytest.mark.parametrize("metadata", [b"", b"[]", b"{}", b'{"vetflow": 1}', b"\xff"])
def test_a_manifest_that_is_none_is_refused(bundle: Bundle, metadata: bytes) -> None:
    with pytest.raises(ConfigurationError):
        Bundle(files={**bundle.files, METADATA: metadata})


@pytest.mark.parametrize(
    "change", [{"size": 7}, {"sure": 0.0}, {"temperatures": {}}, {"heads": {}}, {"temperatures": {"view": -1.0}}]
)
def test_a_manifest_with_senseless_values_is_refused(bundle: Bundle, change: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        with_files(bundle, **change)


def test_the_real_film_is_lateral_and_not_inverted_or_the_model_abstains(runtime: TorchRuntime) -> None:
    path = real_film()
    assert path is not None, "the package deid-data of the dev extra is missing"
    pixels = pydicom.dcmread(path).pixel_array

    for laid in (pixels, pixels[:, ::-1], np.rot90(pixels)):
        seen = runtime.look(laid, inverted=False)
        assert seen.view.says is View.LATERAL or not seen.view.sure(runtime.sure)
        assert not (seen.inverted.says and seen.inverted.sure(runtime.sure))


def test_an_inverted_film_gets_the_answers_of_the_right_one(bundle: Bundle, runtime: TorchRuntime) -> None:
    pixels = np.load(io.BytesIO(bundle.files["golden/film.npy"]), allow_pickle=False)
    golden = json.loads(bundle.files["golden/sight.json"])

    plain = runtime.look(pixels, inverted=golden["inverted"])
    dark = runtime.look(pixels.max() - pixels, inverted=golden["inverted"])

    assert plain.inverted.says is False
    assert dark.inverted.says is True
    assert dark.inverted.sure(runtime.sure)
    assert dark.view.says is plain.view.says
    assert dark.region.says is plain.region.says
    assert dark.view.certainty == pytest.approx(plain.view.certainty, abs=0.02)


def test_a_sight_carries_the_threshold_of_its_model(runtime: TorchRuntime) -> None:
    seen = runtime.look(np.eye(50), inverted=False)

    assert replace(seen, threshold=0.0) != seen
    assert seen.threshold == runtime.sure
