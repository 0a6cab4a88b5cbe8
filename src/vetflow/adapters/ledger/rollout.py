"""Which model is in charge, and how far its results may travel; both keep their history."""

from collections.abc import Mapping

from sqlalchemy import Connection, Row, Select, insert, or_, select

from vetflow.adapters.ledger.audit import append
from vetflow.adapters.ledger.database import Part
from vetflow.adapters.ledger.tables import ChampionRow, PhaseRow
from vetflow.domain.errors import TransientError
from vetflow.domain.finding import ModelVersion
from vetflow.domain.rollout import Phase
from vetflow.domain.signalment import Species
from vetflow.ports import Champion

_CHAMPION, _CHALLENGER = "champion", "challenger"


class RolloutRows(Part):
    """The ledger's champions and phases."""

    def champion(self, name: str) -> Champion | None:
        """Return the model in charge, None when none is registered."""
        with self._database.statement() as connection:
            return _model(name, connection.execute(_newest(name, _CHAMPION)).one_or_none())

    def challenger(self, name: str) -> Champion | None:
        """Return the model that was registered last and never was in charge, None when there is none."""
        crowned = select(ChampionRow.bundle).where(ChampionRow.name == name, ChampionRow.role == _CHAMPION)
        query = _newest(name, _CHALLENGER).where(ChampionRow.bundle.not_in(crowned))
        with self._database.statement() as connection:
            return _model(name, connection.execute(query).one_or_none())

    def crown(self, champion: Champion, *, actor: str) -> None:
        """Make a model the champion; audited."""
        with self._database.transaction() as connection:
            # The journal first: its lock makes two crownings take turns, and their rows follow that order.
            _note(connection, champion, actor=actor, action="model.crown")
            _add(connection, champion, actor=actor, role=_CHAMPION)

    def enrol(self, challenger: Champion, *, actor: str) -> None:
        """Keep a model that is not in charge; audited."""
        with self._database.transaction() as connection:
            _note(connection, challenger, actor=actor, action="model.register")
            _add(connection, challenger, actor=actor, role=_CHALLENGER)

    def promote(
        self, champion: Champion, *, over: Champion | None, actor: str, why: str, silenced: Mapping[str, str]
    ) -> None:
        """Make a model the champion in place of the one that it was measured against; audited.

        Parameters
        ----------
        silenced
            Weights digests by use case whose phase becomes silent with it, whatever was granted to them before.

        Raises
        ------
        TransientError
            Another one has been put in charge meanwhile; it must be measured against that one.
        """
        with self._database.transaction() as connection:
            _note(connection, champion, actor=actor, action="model.promote", why=why)
            name = champion.model.name
            if _model(name, connection.execute(_newest(name, _CHAMPION)).one_or_none()) != over:
                raise TransientError("another model was put in charge meanwhile; promote again to measure against it")
            _add(connection, champion, actor=actor, role=_CHAMPION)
            for use_case, weights in silenced.items():
                _grant(connection, use_case, Phase.SILENT, model=weights, actor=actor)

    def phase(self, use_case: str, *, model: str, species: Species | None) -> Phase:
        """Return the granted phase for a weights digest; silent when nothing was granted."""
        query = (
            select(PhaseRow.phase)
            .where(PhaseRow.use_case == use_case, PhaseRow.model == model)
            .where(or_(PhaseRow.species.is_(None), PhaseRow.species == species))
            .order_by(PhaseRow.id.desc())
            .limit(1)
        )
        with self._database.statement() as connection:
            granted = connection.execute(query).scalar_one_or_none()
        return Phase(granted) if granted else Phase.SILENT

    def grant(self, use_case: str, phase: Phase, *, model: str, actor: str) -> None:
        """Grant a phase to a weights digest for every species; audited."""
        with self._database.transaction() as connection:
            _grant(connection, use_case, phase, model=model, actor=actor)


def _grant(connection: Connection, use_case: str, phase: Phase, *, model: str, actor: str) -> None:
    append(connection, actor=actor, action="phase.grant", subject=use_case, detail=f"{phase.value} for weights {model}")
    values = {"use_case": use_case, "model": model, "phase": phase.value, "actor": actor}
    connection.execute(insert(PhaseRow).values(values))


def _newest(name: str, role: str) -> Select[str, str, str, str]:
    return (
        select(ChampionRow.version, ChampionRow.digest, ChampionRow.calibration, ChampionRow.bundle)
        .where(ChampionRow.name == name, ChampionRow.role == role)
        .order_by(ChampionRow.id.desc())
        .limit(1)
    )


def _model(name: str, found: Row[str, str, str, str] | None) -> Champion | None:
    if found is None:
        return None
    version, digest, calibration, bundle = found
    model = ModelVersion(name=name, version=version, digest=digest, calibration=calibration)
    return Champion(model=model, bundle=bundle)


def _note(connection: Connection, champion: Champion, *, actor: str, action: str, why: str = "") -> None:
    model = champion.model
    detail = "; ".join(filter(None, (f"version {model.version}, weights {model.digest}", why)))
    append(connection, actor=actor, action=action, subject=model.name, detail=detail)


def _add(connection: Connection, champion: Champion, *, actor: str, role: str) -> None:
    model = champion.model
    values = {
        "name": model.name,
        "version": model.version,
        "digest": model.digest,
        "calibration": model.calibration,
        "bundle": champion.bundle,
        "actor": actor,
        "role": role,
    }
    connection.execute(insert(ChampionRow).values(values))
