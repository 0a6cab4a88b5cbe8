"""Looking at films through the sandbox: each model looks once at each film, and what makes no sense is not kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from tests.builders import film_bytes
from tests.bundles import untrained, untrained_trunk

from vetflow.adapters.film_reader import SandboxedReader
from vetflow.adapters.sandbox import Answer
from vetflow.dicom import header
from vetflow.domain.bundle import Bundle
from vetflow.domain.errors import StudyRefused, TransientError
from vetflow.domain.signalment import Signalment, Species
from vetflow.ports import Champion, Seen
from vetflow.wiring.inside import look

KEY = "f1"
FILM = film_bytes(rows=120, columns=160)
EVIDENCE = header.evidence(FILM)
BUNDLES = {"positioning": untrained(), "trunk": untrained_trunk()}


@dataclass(slots=True)
class FakeDerived:
    held: dict[str, bytes] = field(default_factory=lambda: {KEY: FILM})

    def get(self, key: str) -> bytes | None:
        return self.held.get(key)

    def put(self, key: str, data: bytes) -> None:
        self.held[key] = data


@dataclass(slots=True)
class Bench:
    """The sandbox's own function, run here and counted; a test may change what it answers."""

    derived: FakeDerived = field(default_factory=FakeDerived)
    asked: list[set[str]] = field(default_factory=list)
    wrong: Mapping[str, object] = field(default_factory=dict)

    def run(self, film: bytes, bundles: Mapping[str, bytes]) -> Answer:
        self.asked.append(set(bundles))
        values = {**look(film, largest=1 << 20, **bundles), **self.wrong}
        return Answer(arrays={"preview": values.pop("preview")}, values=values)

    def look(self, *names: str, species: Species | None = Species.DOG) -> Seen:
        archives = {bundle.digest: bundle.archive() for bundle in BUNDLES.values()}
        reader = SandboxedReader(run=self.run, bundle=archives.__getitem__, derived=self.derived)
        evidence = replace(EVIDENCE, signalment=Signalment(species=species))
        return reader.look(KEY, [champion(BUNDLES[name]) for name in names], evidence=evidence)


def champion(bundle: Bundle) -> Champion:
    return Champion(model=bundle.manifest.model, bundle=bundle.digest)


def test_a_film_is_decoded_once_for_all_models_and_each_says_what_it_sees() -> None:
    bench = Bench()

    seen = bench.look("positioning", "trunk")

    assert bench.asked == [{BUNDLES["positioning"].digest, BUNDLES["trunk"].digest}]
    assert seen.plain is not None
    assert seen.trunk is not None
    assert (seen.plain.model.name, seen.trunk.model.name) == ("positioning", "trunk")
    assert seen.preview.startswith(b"\x89PNG")


def test_the_second_use_case_on_a_film_runs_nothing_and_sees_the_same() -> None:
    bench = Bench()
    first = bench.look("positioning", "trunk")

    again = bench.look("trunk")

    assert len(bench.asked) == 1
    assert first.trunk is not None
    assert again.trunk is not None
    assert again.trunk.spots == first.trunk.spots
    assert (again.plain, again.preview, again.scale) == (None, first.preview, first.scale)


def test_only_the_model_that_has_not_seen_a_film_is_asked() -> None:
    bench = Bench()
    bench.look("trunk")

    bench.look("positioning", "trunk")

    assert bench.asked[1:] == [{BUNDLES["positioning"].digest}]


def test_what_was_lost_is_made_again() -> None:
    bench = Bench()
    bench.look("trunk")
    bench.derived.held = {KEY: FILM}

    seen = bench.look("trunk")

    assert len(bench.asked) == 2
    assert seen.trunk is not None


def test_a_model_that_is_not_meant_for_the_species_is_not_asked_and_people_still_see_the_film() -> None:
    bench = Bench()

    seen = bench.look("positioning", "trunk", species=Species.HORSE)

    assert bench.asked == [set()]
    assert (seen.plain, seen.trunk) == (None, None)
    assert "not meant for this species" in seen.abstained
    assert seen.preview


def test_an_unknown_species_is_looked_at() -> None:
    seen = Bench().look("trunk", species=None)

    assert seen.trunk is not None
    assert seen.abstained == ""


def test_a_reader_is_told_where_each_model_comes_from_and_which_was_asked_beside_the_first() -> None:
    caveats = Bench().look("positioning", "trunk").caveats

    digest = BUNDLES["trunk"].manifest.weights[:12]
    assert caveats == (
        "trained on synthetic radiographs",
        f"trunk 0.1.0 (weights {digest}) was asked too",
        "not verified by a veterinarian",
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"sights": {}},
        {"sights": None},
        {"sights": {bundle.digest: {"view": "nonsense"} for bundle in BUNDLES.values()}},
        {"scale": float("nan")},
        {"scale": 0.0},
        {"scale": None},
        {"preview": b"text"},
        {"preview": np.zeros((4, 4), np.uint16)},
        {"preview": np.zeros((4, 5000), np.uint8)},
    ],
)
def test_an_answer_that_is_none_is_refused_and_the_next_one_is_not_spoilt(wrong: Mapping[str, object]) -> None:
    bench = Bench(wrong=wrong)

    with pytest.raises(StudyRefused) as refusal:
        bench.look("positioning", "trunk")
    bench.wrong = {}

    assert refusal.value.reason == "model_output_invalid"
    assert bench.look("positioning", "trunk").trunk is not None


def test_a_film_that_is_gone_is_derived_again_by_the_next_attempt() -> None:
    bench = Bench(derived=FakeDerived(held={}))

    with pytest.raises(TransientError):
        bench.look("trunk")
