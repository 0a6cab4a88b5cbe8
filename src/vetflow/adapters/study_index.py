"""What the ledger holds of a study that somebody calls by its UID."""

from collections.abc import Sequence

from sqlalchemy import select

from vetflow.adapters.ledger.database import Part
from vetflow.adapters.ledger.states import kept
from vetflow.adapters.ledger.tables import InstanceRow, StudyRow


class StudyIndex(Part):
    """The ledger's studies by their original UID, for people and PACS that know no other name."""

    def study_of(self, study_uid: str) -> str | None:
        """Return the id of a study, None when nothing of it has arrived."""
        query = select(StudyRow.id).where(StudyRow.study_uid == study_uid)
        with self._database.statement() as connection:
            return connection.execute(query).scalar_one_or_none()

    def received(self, study_uid: str) -> Sequence[str]:
        """Return the SHA-256 of each instance held of a study, in order of arrival."""
        query = (
            select(InstanceRow.digest)
            .join(StudyRow, StudyRow.id == InstanceRow.study_id)
            .where(StudyRow.study_uid == study_uid, kept)
            .order_by(InstanceRow.seq)
        )
        with self._database.statement() as connection:
            return list(connection.execute(query).scalars())
