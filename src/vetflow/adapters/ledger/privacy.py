"""The sealed map: what was taken out of studies, encrypted before it comes to the database."""

from collections.abc import Callable, Generator, Sequence

from sqlalchemy import Row, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from vetflow.adapters.ledger.audit import append
from vetflow.adapters.ledger.database import Part
from vetflow.adapters.ledger.tables import SealedRow
from vetflow.domain.errors import ConfigurationError, StudyRefused
from vetflow.domain.privacy import Identity, Resealed, Sealed
from vetflow.ports import Sealer

_AT_ONCE = 500

SealerSource = Callable[[], Sealer]


def no_keys() -> Sealer:
    """Stand in for a key ring where the sealed map is not wanted."""
    raise ConfigurationError("this ledger was opened without the keys of its sealed map")


class PrivacyRows(Part):
    """The ledger's sealed map; no database column holds what it says."""

    _sealer: SealerSource

    def remember(self, study: str, instance: str, identity: Identity) -> None:
        """Keep what ties an instance to its original; the same again changes nothing, a later word counts."""
        sealed = self._sealer().seal(identity.to_json(), study, instance)
        row = {"study_id": study, "instance": instance, "key_id": sealed.key_id, "sealed": sealed.data}
        keep = insert(SealedRow).values(row)
        known = {"key_id": keep.excluded.key_id, "sealed": keep.excluded.sealed, "made_at": func.now()}
        with self._database.transaction() as connection:
            connection.execute(keep.on_conflict_do_update(index_elements=["study_id", "instance"], set_=known))

    def recall(self, study: str, *, actor: str, purpose: str) -> Identity:
        """Return what is known of all instances of a study; the look is in the journal, or nothing is returned.

        Raises
        ------
        ConfigurationError, StudyRefused
            As :meth:`vetflow.ports.Sealer.unseal`.
        """
        query = select(SealedRow.instance, SealedRow.key_id, SealedRow.sealed).where(SealedRow.study_id == study)
        known = Identity()
        with self._database.transaction() as connection:
            for instance, key_id, data in connection.execute(query.order_by(SealedRow.instance)):
                plain = self._sealer().unseal(Sealed(key_id=key_id, data=data), study, instance)
                known = known.joined(Identity.from_json(plain))
            append(connection, actor=actor, action="privacy.recall", subject=study, detail=purpose)
        return known

    def reseal(self) -> Resealed:
        """Put every identity under the current key; services may run meanwhile."""
        sealer, done, left = self._sealer(), 0, 0
        for rows in self._under_older_keys(sealer.current):
            for study, instance, key_id, data in rows:
                try:
                    plain = sealer.unseal(Sealed(key_id=key_id, data=data), study, instance)
                except (ConfigurationError, StudyRefused):
                    left += 1
                    continue
                done += self._replace(study, instance, data, sealer.seal(plain, study, instance))
        return Resealed(done=done, left=left)

    def _under_older_keys(self, current: str) -> Generator[Sequence[Row[str, str, str, bytes]]]:
        """Yield rows some at a time, each once, also those that stay as they are."""
        last = ("", "")
        columns = (SealedRow.study_id, SealedRow.instance, SealedRow.key_id, SealedRow.sealed)
        place = tuple_(SealedRow.study_id, SealedRow.instance)
        query = select(*columns).where(SealedRow.key_id != current).order_by(*columns[:2]).limit(_AT_ONCE)
        while True:
            with self._database.statement() as connection:
                rows = connection.execute(query.where(place > last)).all()
            if not rows:
                return
            yield rows
            last = (rows[-1].study_id, rows[-1].instance)

    def _replace(self, study: str, instance: str, old: bytes, sealed: Sealed) -> int:
        """Put a sealing in the place of another unless somebody remembered anew meanwhile."""
        this = (SealedRow.study_id == study, SealedRow.instance == instance, SealedRow.sealed == old)
        with self._database.transaction() as connection:
            change = update(SealedRow).where(*this).values(key_id=sealed.key_id, sealed=sealed.data)
            return connection.execute(change).rowcount
