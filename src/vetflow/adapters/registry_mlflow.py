"""MLflow as a view of trainings and models; the ledger's champion row stays the truth.

A version in the registry is the bundle's files as artifacts plus digests as tags. Nothing is ever loaded through
MLflow's own model flavours.
"""

import logging
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.utils.git_utils import get_git_commit
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT, MLFLOW_GIT_COMMIT
from mlflow.utils.time import get_current_time_millis

from vetflow.domain.bundle import CARD, Bundle, from_folder
from vetflow.domain.errors import ConfigurationError, TransientError

CHAMPION = "champion"
CHALLENGER = "challenger"
log = logging.getLogger(__name__)
_EXPERIMENT = "vetflow-models"
_WEIGHTS_TAG = "weights_sha256"
_BUNDLE_TAG = "bundle_sha256"
_CHAMPION_TAG = "champion_bundle_sha256"
_MISSING = ErrorCode.Name(RESOURCE_DOES_NOT_EXIST)
_THERE = ErrorCode.Name(RESOURCE_ALREADY_EXISTS)
_PHANTOMS = "vetflow.phantoms"
_LONGEST_CARD = 4900
"""Characters; MLflow keeps 5000 of a version's description."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredVersion:
    """A model version as MLflow shows it.

    Parameters
    ----------
    name, number
        Registered model and its version number in MLflow.
    version
        Version by the bundle's manifest.
    weights, bundle
        SHA-256 of the weights and of the whole bundle.
    """

    name: str
    number: int
    version: str
    weights: str
    bundle: str


def register(folder: Path, *, tracking_uri: str, alias: str = CHALLENGER) -> RegisteredVersion:
    """Show the bundle of a folder in MLflow's registry under an alias; see `show`.

    Raises
    ------
    ConfigurationError
        The folder isn't a sound bundle.
    TransientError
        MLflow is away.
    """
    return show(from_folder(folder), tracking_uri=tracking_uri, alias=alias)


def show(bundle: Bundle, *, tracking_uri: str, alias: str = CHALLENGER) -> RegisteredVersion:
    """Show a bundle in MLflow's registry under an alias and return its version; the same bundle is shown once.

    Raises
    ------
    TransientError
        MLflow is away.
    """
    client = MlflowClient(tracking_uri=tracking_uri)
    try:
        shown = _find(client, bundle) or _show(client, bundle)
        client.set_registered_model_alias(shown.name, alias, str(shown.number))
    except MlflowException as error:
        raise TransientError(f"MLflow did not take the model: {error.error_code}") from error
    return shown


def follow(bundle: Bundle, *, tracking_uri: str) -> bool:
    """Point the alias ``champion`` at the bundle in charge, and return whether a person had pointed it elsewhere.

    What vetflow pointed it at last is kept as a tag of the registered model: an alias that has left that place was
    moved by a person, one that still lies there only lags behind the ledger.

    Raises
    ------
    TransientError
        MLflow is away.
    """
    name, client = bundle.manifest.name, MlflowClient(tracking_uri=tracking_uri)
    pointed = at_alias(name, CHAMPION, tracking_uri=tracking_uri)
    there = pointed is not None and pointed.bundle == bundle.digest
    shown = pointed if pointed and there else show(bundle, tracking_uri=tracking_uri, alias=CHAMPION)
    try:
        tags = cast("Mapping[str, str]", client.get_registered_model(name).tags)
        promised = tags.get(_CHAMPION_TAG)
        client.set_registered_model_tag(name, _CHAMPION_TAG, bundle.digest)
        if at_alias(name, CHALLENGER, tracking_uri=tracking_uri) == shown:
            client.delete_registered_model_alias(name, CHALLENGER)
    except MlflowException as error:
        raise TransientError(f"MLflow did not answer: {error.error_code}") from error
    return promised == bundle.digest and not there


def at_alias(name: str, alias: str, *, tracking_uri: str) -> RegisteredVersion | None:
    """Return the version that an alias points to, None when it points nowhere."""
    client = MlflowClient(tracking_uri=tracking_uri)
    try:
        found = client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in {_MISSING, "INVALID_PARAMETER_VALUE"}:
            return None
        raise TransientError(f"MLflow did not answer: {error.error_code}") from error
    return _version(name, int(found.version), found.tags)


def _version(name: str, number: int, tags: Mapping[str, str]) -> RegisteredVersion:
    return RegisteredVersion(
        name=name,
        number=number,
        version=tags.get("version", ""),
        weights=tags.get(_WEIGHTS_TAG, ""),
        bundle=tags.get(_BUNDLE_TAG, ""),
    )


def _find(client: MlflowClient, bundle: Bundle) -> RegisteredVersion | None:
    name, digest = bundle.manifest.name, bundle.digest
    for found in client.search_model_versions(f"name = '{name}'"):
        if found.tags.get(_BUNDLE_TAG) == digest:
            return _version(name, int(found.version), found.tags)
    return None


def _show(client: MlflowClient, bundle: Bundle) -> RegisteredVersion:
    manifest = bundle.manifest
    run = client.create_run(_experiment(client), run_name=f"register {manifest.name} {manifest.version}")
    _log(client, run.info.run_id, bundle.files, "bundle")
    client.set_terminated(run.info.run_id)
    try:
        client.create_registered_model(manifest.name)
    except MlflowException as error:
        if error.error_code != _THERE:
            raise
    tags = _tags(bundle)
    made = client.create_model_version(
        manifest.name,
        f"{run.info.artifact_uri}/bundle",
        run_id=run.info.run_id,
        tags=tags,
        description=shortened(bundle.files[CARD].decode()),
    )
    return _version(manifest.name, int(made.version), tags)


def _log(client: MlflowClient, run: str, files: Mapping[str, bytes], where: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            place = Path(folder) / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        client.log_artifacts(run, folder, where)


def _tags(bundle: Bundle) -> dict[str, str]:
    """Return what a signature would say, without one: MLflow's lives in a model of its own format."""
    manifest = bundle.manifest
    return {
        "version": manifest.version,
        _WEIGHTS_TAG: manifest.weights,
        _BUNDLE_TAG: bundle.digest,
        "network": manifest.network,
        "input": f"float32 (1, {manifest.size}, {manifest.size})",
        "output": ", ".join(f"{head} ({len(classes)})" for head, classes in manifest.heads.items()),
    }


def _experiment(client: MlflowClient) -> str:
    found = client.get_experiment_by_name(_EXPERIMENT)
    if found:
        return found.experiment_id
    uri = str(client.tracking_uri)  # pyright: ignore[reportUnknownArgumentType]  # an untyped property
    return client.create_experiment(_EXPERIMENT, artifact_location=_beside(uri))


def _beside(tracking_uri: str) -> str | None:
    """Return a folder beside a database file, which MLflow would else put into the working directory."""
    file = tracking_uri.removeprefix("sqlite:///")
    return None if file == tracking_uri else (Path(file).absolute().parent / "mlflow-artifacts").as_uri()


class MlflowJournal:
    """A training run's record in MLflow; used as a context manager, so that a failed run is seen as failed.

    MLflow is a view: once it has begun, work of hours goes on without it when it goes away, with one warning.

    Parameters
    ----------
    tracking_uri
        MLflow server, or ``sqlite:///…`` for a file.
    name
        Name of the run; an opaque word, never of an animal.
    """

    def __init__(self, *, tracking_uri: str, name: str) -> None:
        self._client = MlflowClient(tracking_uri=tracking_uri)
        self._name = name
        self._run, self._away = "", False

    def __enter__(self) -> Self:
        try:
            run = self._client.create_run(_experiment(self._client), run_name=self._name, tags=_made_by())
        except MlflowException as error:
            raise ConfigurationError(f"MLflow can't be written to: {error.error_code}") from error
        self._run = run.info.run_id
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._try(lambda: self._client.set_terminated(self._run, "FAILED" if kind else "FINISHED"))

    def _try(self, write: Callable[[], object]) -> None:
        """Write unless MLflow has gone away; an artifact it can't take is no MlflowException but an OSError."""
        if self._away:
            return
        try:
            write()
        except (MlflowException, OSError) as error:
            self._away = True
            log.warning("mlflow.run_left_unfinished run=%s reason=%s", self._run, type(error).__name__)

    def settings(self, values: Mapping[str, str | int | float]) -> None:
        """Record what the run was started with."""
        params = [Param(key, str(value)) for key, value in values.items()]
        self._try(lambda: self._client.log_batch(self._run, params=params))

    def tags(self, values: Mapping[str, str]) -> None:
        """Record what the run came to."""
        for key, value in values.items():
            self._try(partial(self._client.set_tag, self._run, key, value))

    def dataset(self, name: str, *, digest: str, count: int, source: str = _PHANTOMS) -> None:
        """Record a set of films by digest; MLflow keeps 36 characters of it, a tag keeps all."""
        known = Dataset(
            name=name,
            digest=digest[:36],
            source_type="code" if source == _PHANTOMS else "local",
            source=source,
            profile=f'{{"films": {count}}}',
        )
        context = InputTag(MLFLOW_DATASET_CONTEXT, "training" if name == "phantoms" else "evaluation")
        self._try(lambda: self._client.log_inputs(self._run, [DatasetInput(known, [context])]))
        self.tags({f"{name}_sha256": digest})

    def metrics(self, values: Mapping[str, float], *, step: int = 0) -> None:
        """Record figures."""
        now = get_current_time_millis()
        figures = [Metric(key, value, now, step) for key, value in values.items()]
        self._try(lambda: self._client.log_batch(self._run, metrics=figures))

    def picture(self, name: str, png: bytes) -> None:
        """Record a figure to look at."""
        self.files("figures", {name: png})

    def files(self, where: str, files: Mapping[str, bytes]) -> None:
        """Record files by path, such as those of a bundle, under a folder of the run."""
        self._try(lambda: _log(self._client, self._run, files, where))


def _made_by() -> dict[str, str]:
    """Return the version of vetflow, and the git revision where it runs from a checkout of its own."""
    root = Path(__file__).parents[3]
    # Installed into somebody else's repository it would name that one's revision.
    commit = get_git_commit(str(root)) if (root / ".git").exists() else None
    return {"vetflow_version": version("vetflow")} | ({MLFLOW_GIT_COMMIT: commit} if commit else {})


def shortened(card: str) -> str:
    """Return as many paragraphs of a card as MLflow's registry holds."""
    if len(card) <= _LONGEST_CARD:
        return card
    return card[:_LONGEST_CARD].rpartition("\n\n")[0] + "\n\nThe whole card is among the files: " + CARD
