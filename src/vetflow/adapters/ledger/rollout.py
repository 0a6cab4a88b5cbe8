"""Which model is in charge, and how far its results may travel; both keep their history."""

from sqlalchemy import insert, or_, select

from vetflow.adapters.ledger.audit import append
from vetflow.adapters.ledger.database import Part
from vetflow.adapters.ledger.tables import ChampionRow, PhaseRow
from vetflow.domain.finding import ModelVersion
from vetflow.domain.rollout import Phase
from vetflow.domain.signalment import Species
from vetflow.ports import Champion


class RolloutRows(Part):
    """The ledger's champions and phases."""

    def champion(self, name: str) -> Champion | None:
        """Return the model in charge, None when none is registered."""
        query = (
            select(ChampionRow.version, ChampionRow.digest, ChampionRow.calibration, ChampionRow.bundle)
            .where(ChampionRow.name == name)
            .order_by(ChampionRow.id.desc())
            .limit(1)
        )
        with self._database.statement() as connection:
            found = connection.execute(query).one_or_none()
        if found is None:
            return None
        version, digest, calibration, bundle = found
        model = ModelVersion(name=name, version=version, digest=digest, calibration=calibration)
        return Champion(model=model, bundle=bundle)

    def bundle_of(self, weights: str) -> str | None:
        """Return the bundle a weights digest was last put in charge with, None when it never was."""
        query = select(ChampionRow.bundle).where(ChampionRow.digest == weights)
        with self._database.statement() as connection:
            return connection.execute(query.order_by(ChampionRow.id.desc()).limit(1)).scalar_one_or_none()

    def crown(self, champion: Champion, *, actor: str) -> None:
        """Make a model the champion; audited."""
        model = champion.model
        values = {
            "name": model.name,
            "version": model.version,
            "digest": model.digest,
            "calibration": model.calibration,
            "bundle": champion.bundle,
            "actor": actor,
        }
        with self._database.transaction() as connection:
            # The journal first: its lock makes two crownings take turns, and their rows follow that order.
            detail = f"version {model.version}, weights {model.digest}"
            append(connection, actor=actor, action="model.crown", subject=model.name, detail=detail)
            connection.execute(insert(ChampionRow).values(values))

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
        detail = f"{phase.value} for weights {model}"
        with self._database.transaction() as connection:
            append(connection, actor=actor, action="phase.grant", subject=use_case, detail=detail)
            values = {"use_case": use_case, "model": model, "phase": phase.value, "actor": actor}
            connection.execute(insert(PhaseRow).values(values))
