"""Promoting a model: ledger, journal, MLflow and event tell the same story, whatever the gate says."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psycopg
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from tests.bundles import untrained, untrained_trunk
from tests.fakes import FakeRuns
from tests.trunk_answers import full
from typer.testing import CliRunner

from vetflow.adapters.registry_mlflow import CHAMPION, MlflowJournal, at_alias
from vetflow.cli.app import app
from vetflow.domain.bundle import METADATA, Bundle
from vetflow.domain.errors import ConfigurationError, TransientError
from vetflow.domain.rollout import Phase
from vetflow.domain.trunk_card import PATH, read_card
from vetflow.phantoms.batch import make
from vetflow.ports import Champion
from vetflow.settings import Settings
from vetflow.training.folder_cases import GROUP
from vetflow.training.promotion import Decision, Promotion
from vetflow.training.target import written
from vetflow.training.trials import Films, Trial
from vetflow.training.trunk.records import Record, from_json
from vetflow.wiring import Services, build, registry

runner = CliRunner()
GOOD, BAD = 2.0, 12.0
"""Degrees that a model's rotation is off."""
OLD, NEW = untrained_trunk(1), untrained_trunk(2)


def films(errors: Mapping[str, float]) -> Films:
    """Return films on which bundles, by digest, are off by so many degrees."""

    def trial(bundle: Bundle, progress: object) -> Trial:
        return Trial(records=tuple(said(number, errors[bundle.digest]) for number in range(80)), refused={})

    return Films(name="held-out", digest="ab" * 32, trial=trial)


def said(number: int, error: float) -> Record:
    one = full(str(number), np.random.default_rng(number))
    assert one.rotation is not None
    return replace(one, rotation=replace(one.rotation, said=one.rotation.right + error))


def aged(bundle: Bundle, settings: Mapping[str, object]) -> Bundle:
    """Return a bundle whose network has other settings, as one of an earlier vetflow has."""
    metadata = json.loads(bundle.files[METADATA])
    metadata["vetflow"]["network"]["settings"] |= settings
    return Bundle(files={**bundle.files, METADATA: json.dumps(metadata).encode()})


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"


@dataclass
class Clinic:
    services: Services
    tracking: str
    url: str
    events: FakeRuns

    def promote(self, bundle: Bundle, *, on: Films | None = None, name: str = "promote") -> Decision:
        with MlflowJournal(tracking_uri=self.tracking, name=name) as journal:
            return Promotion(
                services=self.services, films=on or films({OLD.digest: GOOD, NEW.digest: GOOD}), journal=journal,
                progress=lambda stage, done, whole: None, actor="registrar",
            ).of(bundle)  # fmt: skip

    def in_charge(self) -> str:
        champion = self.services.ledger.champion("trunk")
        assert champion is not None
        return champion.model.digest

    def audit(self) -> list[tuple[str, str]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute("SELECT action, detail FROM audit ORDER BY seq").fetchall()

    def promotions(self) -> list[tuple[str, str]]:
        return [entry for entry in self.audit() if entry[0].startswith("model.")]

    def run(self, name: str) -> Run:
        client = MlflowClient(tracking_uri=self.tracking)
        experiment = client.get_experiment_by_name("vetflow-models")
        assert experiment is not None
        return client.search_runs([experiment.experiment_id], f"attributes.run_name = '{name}'")[0]


@pytest.fixture
def clinic(ledger_url: str, tmp_path: Path, tracking: str) -> Iterator[Clinic]:
    services = build(Settings(home=tmp_path, database_url=ledger_url))
    services.runs = events = FakeRuns()
    events.announce = lambda event, subject: events.events.append((event, subject))
    yield Clinic(services, tracking, ledger_url, events)
    services.ledger.close()


def test_the_first_of_its_name_takes_charge_unmeasured_and_says_so(clinic: Clinic) -> None:
    decision = clinic.promote(OLD)

    assert decision.well and decision.promoted and decision.gate is None
    assert clinic.in_charge() == OLD.manifest.weights
    action, detail = clinic.promotions()[-1]
    assert action == "model.promote" and "measured against nothing" in detail


def test_one_that_is_no_worse_takes_over_silently_and_is_announced(clinic: Clinic) -> None:
    clinic.promote(OLD)
    clinic.services.ledger.grant("triage", Phase.INTEGRATED, model=OLD.manifest.weights, actor="admin")

    decision = clinic.promote(NEW, name="no worse")

    assert decision.promoted and decision.gate is not None and decision.gate.films == 80
    assert clinic.in_charge() == NEW.manifest.weights
    assert clinic.services.ledger.phase("triage", model=NEW.manifest.weights, species=None) is Phase.SILENT
    assert clinic.events.events[-1] == ("vetflow.model.promoted", f"model-{NEW.manifest.weights[:16]}")
    action, detail = clinic.promotions()[-1]
    assert action == "model.promote"
    assert OLD.manifest.weights in detail and "ab" * 32 in detail and "80 films" in detail


@pytest.mark.parametrize("use_case", ["positioning", "cardiac", "anatomy", "triage"])
def test_going_back_to_an_earlier_bundle_silences_every_use_case_that_asks_it(clinic: Clinic, use_case: str) -> None:
    clinic.promote(OLD)
    clinic.services.ledger.grant(use_case, Phase.INTEGRATED, model=OLD.manifest.weights, actor="admin")
    clinic.promote(NEW)

    clinic.promote(OLD)

    assert clinic.in_charge() == OLD.manifest.weights
    assert clinic.services.ledger.phase(use_case, model=OLD.manifest.weights, species=None) is Phase.SILENT


def test_the_same_weights_with_another_calibration_are_silent_again(clinic: Clinic) -> None:
    clinic.promote(OLD)
    clinic.services.ledger.grant("triage", Phase.INTEGRATED, model=OLD.manifest.weights, actor="admin")
    card = replace(read_card(OLD.files[PATH]), odd_from=9.0)
    other = Bundle(files={**OLD.files, PATH: card.to_bytes()})

    decision = clinic.promote(other, on=films({OLD.digest: GOOD, other.digest: GOOD}))

    assert decision.promoted and other.manifest.weights == OLD.manifest.weights
    assert clinic.services.ledger.phase("triage", model=OLD.manifest.weights, species=None) is Phase.SILENT


def test_use_cases_that_ask_another_model_keep_their_phase(clinic: Clinic) -> None:
    plain = untrained(1)
    clinic.services.ledger.grant("triage", Phase.INTEGRATED, model=plain.manifest.weights, actor="admin")

    clinic.promote(plain)

    assert clinic.services.ledger.phase("triage", model=plain.manifest.weights, species=None) is Phase.INTEGRATED


def test_a_champion_that_no_longer_loads_can_be_replaced_and_that_is_said(clinic: Clinic) -> None:
    broken = aged(OLD, {"widths": [8, 8]})
    archive = clinic.services.store.put([broken.archive()])
    clinic.services.ledger.crown(Champion(model=broken.manifest.model, bundle=archive), actor="registrar")

    decision = clinic.promote(NEW)

    assert decision.promoted and decision.gate is None and decision.champion == broken.manifest.model
    assert clinic.in_charge() == NEW.manifest.weights
    assert "no longer load, measured against nothing" in clinic.promotions()[-1][1]


def test_a_champion_whose_bytes_are_lost_can_be_replaced(clinic: Clinic) -> None:
    clinic.services.ledger.crown(Champion(model=OLD.manifest.model, bundle="ab" * 32), actor="registrar")

    assert clinic.promote(NEW).promoted


def test_a_bundle_that_cannot_be_built_is_refused_before_anything_is_kept(clinic: Clinic) -> None:
    broken = aged(OLD, {"widths": [8, 8]})

    with pytest.raises(ConfigurationError, match="widths"):
        clinic.promote(broken)
    with pytest.raises(ConfigurationError, match="widths"):
        registry.register(clinic.services, broken, actor="registrar")

    assert clinic.services.ledger.champion("trunk") is None and clinic.services.ledger.challenger("trunk") is None
    assert list(clinic.services.store.digests()) == []


def test_names_of_a_clinics_films_stay_out_of_mlflow(clinic: Clinic, tmp_path: Path) -> None:
    clinic.promote(OLD)
    mine = Films(
        name="folder", digest="ab" * 32, source="a folder of the site",
        trial=lambda bundle, progress: Trial(records=tuple(named(number) for number in range(80)), refused={}),
    )  # fmt: skip

    clinic.promote(NEW, on=mine, name="with names")

    run = clinic.run("with names")
    client = MlflowClient(tracking_uri=clinic.tracking)
    for who in ("candidate", "champion"):
        kept = Path(client.download_artifacts(run.info.run_id, f"records/{who}.json", str(tmp_path))).read_bytes()
        assert b"Rex" not in kept
        assert {one.film for one in from_json(kept)} == {f"film-{number:05}" for number in range(80)}
    [known] = run.inputs.dataset_inputs
    assert (known.dataset.source_type, known.dataset.source) == ("local", "a folder of the site")


def named(number: int) -> Record:
    return replace(said(number, GOOD), film=f"Rex Miller {number}.dcm", group=GROUP)


def test_films_that_could_not_be_measured_on_are_told_to_whoever_asks(clinic: Clinic) -> None:
    clinic.promote(OLD)

    def trial(bundle: Bundle, progress: object) -> Trial:
        return replace(films({OLD.digest: GOOD, NEW.digest: GOOD}).trial(bundle, progress), refused={"a.dcm": "gone"})

    decision = clinic.promote(NEW, on=Films(name="folder", digest="ab" * 32, trial=trial))

    assert decision.promoted and decision.refused == {"a.dcm": "gone"}


def test_a_promotion_is_known_when_mlflow_goes_away_meanwhile(clinic: Clinic) -> None:
    clinic.promote(OLD)
    journal = MlflowJournal(tracking_uri=clinic.tracking, name="away")

    with journal:
        MlflowClient(tracking_uri=clinic.tracking).delete_run(clinic.run("away").info.run_id)
        decision = Promotion(
            services=clinic.services, films=films({OLD.digest: GOOD, NEW.digest: GOOD}), journal=journal,
            progress=lambda stage, done, whole: None, actor="registrar",
        ).of(NEW)  # fmt: skip

    assert decision.promoted and clinic.in_charge() == NEW.manifest.weights


def test_one_that_is_worse_is_refused_metric_by_metric_and_nothing_moves(clinic: Clinic, tmp_path: Path) -> None:
    clinic.promote(OLD)
    events = list(clinic.events.events)

    decision = clinic.promote(NEW, on=films({OLD.digest: GOOD, NEW.digest: BAD}), name="worse")

    assert not decision.well and decision.gate is not None
    assert {one.name for one in decision.gate.worse} == {"rotation_mae", "rotation_lateral_mae"}
    assert (clinic.in_charge(), clinic.events.events) == (OLD.manifest.weights, events)
    action, detail = clinic.audit()[-1]
    assert action == "model.refuse" and "rotation_mae: the champion has 2.000" in detail
    waiting = clinic.services.ledger.challenger("trunk")
    assert waiting is not None and waiting.model.digest == NEW.manifest.weights
    run = clinic.run("worse")
    assert run.data.tags["decision"] == "refused"
    assert run.data.metrics["champion_rotation_mae"] == pytest.approx(GOOD)
    assert run.data.metrics["candidate_rotation_mae"] == pytest.approx(BAD)
    kept = MlflowClient(tracking_uri=clinic.tracking).download_artifacts(run.info.run_id, "records", str(tmp_path))
    assert len(from_json((Path(kept) / "candidate.json").read_bytes())) == 80


def test_what_the_ledger_relies_on_is_in_the_store_after_a_refusal_too(clinic: Clinic) -> None:
    clinic.promote(OLD)
    clinic.promote(NEW, on=films({OLD.digest: GOOD, NEW.digest: BAD}))

    assert clinic.services.ledger.inspect(clinic.services.store).clean


def test_the_one_in_charge_need_not_be_promoted_again(clinic: Clinic) -> None:
    clinic.promote(OLD)
    before = clinic.audit()

    decision = clinic.promote(OLD)

    assert decision.well and not decision.promoted
    assert clinic.audit() == before


def test_a_champion_that_came_meanwhile_must_be_measured_against(clinic: Clinic) -> None:
    clinic.promote(OLD)
    third = registry.kept(clinic.services, untrained_trunk(3))

    def trial(bundle: Bundle, progress: object) -> Trial:
        clinic.services.ledger.crown(third, actor="somebody else")
        return films({OLD.digest: GOOD, NEW.digest: GOOD}).trial(bundle, progress)

    with pytest.raises(TransientError, match="meanwhile"):
        clinic.promote(NEW, on=Films(name="held-out", digest="ab" * 32, trial=trial))

    assert clinic.in_charge() == third.model.digest


def test_a_crash_between_row_and_alias_is_made_up_for_without_an_alarm(clinic: Clinic) -> None:
    clinic.promote(OLD)
    registry.align(clinic.services, clinic.tracking)
    clinic.promote(NEW)
    lagging = at_alias("trunk", CHAMPION, tracking_uri=clinic.tracking)

    moved = registry.align(clinic.services, clinic.tracking)

    following = at_alias("trunk", CHAMPION, tracking_uri=clinic.tracking)
    assert lagging is not None and following is not None
    assert (lagging.weights, following.weights) == (OLD.manifest.weights, NEW.manifest.weights)
    assert moved == ()
    assert "model.alias-moved" not in dict(clinic.audit())


def test_an_alias_moved_by_hand_is_put_back_with_an_alarm(clinic: Clinic) -> None:
    clinic.promote(OLD)
    registry.align(clinic.services, clinic.tracking)
    wanted = registry.show_challenger(NEW, clinic.tracking)
    MlflowClient(tracking_uri=clinic.tracking).set_registered_model_alias("trunk", CHAMPION, str(wanted.number))

    moved = registry.align(clinic.services, clinic.tracking)

    back = at_alias("trunk", CHAMPION, tracking_uri=clinic.tracking)
    assert moved == ("trunk",)
    assert back is not None and back.weights == OLD.manifest.weights
    assert clinic.audit()[-1][0] == "model.alias-moved"
    assert registry.align(clinic.services, clinic.tracking) == ()


def test_registering_puts_the_first_one_in_charge_and_keeps_the_others_waiting(clinic: Clinic) -> None:
    first = registry.register(clinic.services, OLD, actor="registrar")
    second = [registry.register(clinic.services, NEW, actor="registrar") for _ in range(2)]

    assert (first, second) == (True, [False, False])
    assert clinic.in_charge() == OLD.manifest.weights
    assert [action for action, _ in clinic.audit()] == ["model.crown", "model.register"]


def test_a_model_that_no_use_case_asks_for_is_refused(clinic: Clinic) -> None:
    metadata = json.loads(OLD.files[METADATA])
    other = Bundle(files={**OLD.files, METADATA: json.dumps(metadata | {"name": "oracle"}).encode()})
    disguised = Bundle(files={**OLD.files, METADATA: json.dumps(metadata | {"name": "positioning"}).encode()})

    for bundle in (other, disguised):
        with pytest.raises(ConfigurationError, match="no use case asks"):
            clinic.promote(bundle)


@pytest.fixture
def home(ledger_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith("VETFLOW_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("VETFLOW_DATABASE_URL", ledger_url)
    (tmp_path / "vetflow.toml").write_text('[[routes]]\nuse_case = "positioning"\n')
    written(untrained(1), tmp_path / "first")
    written(untrained(2), tmp_path / "second")
    make(tmp_path / "films", count=2, seed=5)
    return tmp_path


def told(home: Path, *words: str) -> tuple[int, str, str]:
    result = runner.invoke(app, ["models", *words, "--home", str(home)])
    return result.exit_code, result.stdout, result.stderr


def test_the_commands_register_measure_and_refuse(home: Path) -> None:
    asked = ("--data", str(home / "films"), "--json")

    registered = told(home, "register", str(home / "first"))
    measured = told(home, "evaluate", str(home / "second"), *asked, "--out", str(home / "out"))
    refused = told(home, "promote", str(home / "second"), *asked)
    listed = told(home, "ls", "--json")

    assert registered[0] == 0 and "in charge" in registered[2]
    page = json.loads(measured[1])
    assert (measured[0], page["measured"], page["films"]) == (0, 2, "folder")
    assert "view_accuracy" in {one["name"] for one in page["figures"]}
    assert (home / "out" / "records.json").is_file()
    assert refused[0] == 1 and "2 films tell nothing" in refused[2] and "nothing was moved" in refused[2]
    assert {one["name"] for one in json.loads(refused[1])} >= {"view_accuracy", "region_accuracy"}
    [row] = json.loads(listed[1])
    assert row["weights"] == untrained(1).manifest.weights
    assert row["challenger"] == untrained(2).manifest.version


def test_a_promotion_names_the_films_that_it_could_not_measure_on(home: Path) -> None:
    spoilt = next((home / "films").glob("*.dcm"))
    spoilt.write_bytes(spoilt.read_bytes()[:9000])
    told(home, "register", str(home / "first"))

    code, _, err = told(home, "promote", str(home / "second"), "--data", str(home / "films"))

    assert code == 1
    assert f"{spoilt.name}: " in err and "1 films tell nothing" in err


def test_the_command_says_that_the_one_in_charge_no_longer_loads(home: Path) -> None:
    services = build(Settings(home=home, database_url=os.environ["VETFLOW_DATABASE_URL"]))
    services.ledger.crown(Champion(model=untrained(1).manifest.model, bundle="ab" * 32), actor="registrar")
    services.ledger.close()

    code, _, err = told(home, "promote", str(home / "second"), "--data", str(home / "films"))

    assert code == 0
    assert "the one in charge no longer loads, so positioning 0.1.0 was measured against nothing" in err


def test_a_damaged_film_is_named_and_the_others_are_measured(home: Path) -> None:
    spoilt = next((home / "films").glob("*.dcm"))
    spoilt.write_bytes(spoilt.read_bytes()[:9000])

    code, out, err = told(home, "evaluate", str(home / "first"), "--data", str(home / "films"))

    assert code == 1
    assert f"{spoilt.name}: " in err
    assert any(line.startswith("view_accuracy\t") and line.endswith("\t1") for line in out.splitlines())
