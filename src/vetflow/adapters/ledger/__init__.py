"""The ledger: PostgreSQL, the truth about studies, cases, deliveries, models and people's acts."""

from vetflow.adapters.ledger.audit import AuditRows
from vetflow.adapters.ledger.bell import Bell
from vetflow.adapters.ledger.cases import CaseRows
from vetflow.adapters.ledger.database import ARRIVAL, CASE, OWED, Database
from vetflow.adapters.ledger.endings import EndingRows
from vetflow.adapters.ledger.fsck import InspectionRows
from vetflow.adapters.ledger.intake import IntakeRows
from vetflow.adapters.ledger.outbox import OutboxRows
from vetflow.adapters.ledger.privacy import PrivacyRows
from vetflow.adapters.ledger.rollout import RolloutRows
from vetflow.adapters.ledger.sorting import SortingRows
from vetflow.adapters.ledger.views import ViewRows

__all__ = ["ARRIVAL", "CASE", "OWED", "Bell", "PostgresLedger"]


class PostgresLedger(
    IntakeRows,
    SortingRows,
    CaseRows,
    EndingRows,
    PrivacyRows,
    OutboxRows,
    RolloutRows,
    AuditRows,
    ViewRows,
    InspectionRows,
):
    """Every face of the ledger on one pool of connections; safe to share between threads, not across a fork.

    Parameters
    ----------
    url
        libpq URL, such as ``postgresql://vetflow@/ledger?host=/run/vetflow``.
    connections
        Most connections open at once; nothing is opened before it is needed.
    """

    def __init__(self, url: str, *, connections: int = 32) -> None:
        super().__init__(Database(url, connections=connections))

    def close(self) -> None:
        """Close all connections."""
        self._database.close()
