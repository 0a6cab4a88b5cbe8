"""The map between original and replaced UIDs, which never leaves the ledger."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from vetflow.adapters.ledger.database import Part
from vetflow.adapters.ledger.tables import UidRow


class PrivacyRows(Part):
    """The ledger's map between original and replaced UIDs."""

    def remember(self, study_id: str, replaced: Mapping[str, str]) -> None:
        """Keep pairs original → replacement; keeping them again changes nothing."""
        # In one order always: two films of a study share UIDs, and their cases run side by side.
        rows = [
            {"study_id": study_id, "original": original, "replacement": replacement}
            for original, replacement in sorted(replaced.items())
        ]
        if rows:
            keep = insert(UidRow).on_conflict_do_nothing(index_elements=["study_id", "original"])
            with self._database.transaction() as connection:
                connection.execute(keep, rows)

    def originals(self, study_id: str) -> Mapping[str, str]:
        """Return pairs replacement → original."""
        query = select(UidRow.replacement, UidRow.original).where(UidRow.study_id == study_id)
        with self._database.statement() as connection:
            return {pair.replacement: pair.original for pair in connection.execute(query)}
