"""What arrives: instances whose bytes are durable, and what was refused."""

from sqlalchemy import insert, text

from vetflow.adapters.ledger.bell import Ringer
from vetflow.adapters.ledger.database import ARRIVAL, Database, Part, opaque
from vetflow.adapters.ledger.tables import RefusalRow
from vetflow.domain.study import Admission, Arrival, Refusal

_ADMIT = text(
    "SELECT admit_instance(:study_uid, :series_uid, :sop_uid, :sop_class, :transfer_syntax, :digest, :size, :sender,"
    " :new_study, :new_instance)"
)
_LONGEST = 200


class IntakeRows(Part):
    """The ledger as the receiver sees it."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._ringer = Ringer(database, ARRIVAL)

    def admit(self, arrival: Arrival) -> Admission:
        """Record an instance and return once the row is committed; TransientError when the database is away."""
        values = {
            "study_uid": arrival.study_uid,
            "series_uid": arrival.series_uid,
            "sop_uid": arrival.sop_uid,
            "sop_class": arrival.sop_class,
            "transfer_syntax": arrival.transfer_syntax,
            "digest": arrival.digest,
            "size": arrival.size,
            "sender": _plain(arrival.sender),
        }
        with self._database.statement() as connection:
            admission = Admission(
                connection.execute(
                    _ADMIT, values | {"new_study": opaque("study"), "new_instance": opaque("inst")}
                ).scalar_one()
            )
        if admission is Admission.NEW:
            self._ringer.ring()
        return admission

    def refuse(self, refusal: Refusal) -> None:
        """Record what a sender was refused."""
        row = {"sender": _plain(refusal.sender), "reason": _plain(refusal.reason), "status": _plain(refusal.status)}
        with self._database.statement() as connection:
            connection.execute(insert(RefusalRow).values(row))


def _plain(words: str) -> str:
    """Return what a peer said about itself, printable and short enough to keep."""
    return "".join(letter for letter in words if letter.isprintable())[:_LONGEST]
