"""The ledger: PostgreSQL, the truth about studies, cases, deliveries, models and people's acts."""

from vetflow.adapters.ledger.advice import AdviceRows
from vetflow.adapters.ledger.audit import AuditRows
from vetflow.adapters.ledger.bell import Bell
from vetflow.adapters.ledger.cases import CaseRows
from vetflow.adapters.ledger.database import ARRIVAL, CASE, OWED, Database
from vetflow.adapters.ledger.drafts import DraftRows
from vetflow.adapters.ledger.endings import EndingRows
from vetflow.adapters.ledger.fsck import InspectionRows
from vetflow.adapters.ledger.intake import IntakeRows
from vetflow.adapters.ledger.outbox import OutboxRows
from vetflow.adapters.ledger.privacy import PrivacyRows, SealerSource, no_keys
from vetflow.adapters.ledger.reviews import ReviewRows
from vetflow.adapters.ledger.rollout import RolloutRows
from vetflow.adapters.ledger.sorting import SortingRows
from vetflow.adapters.ledger.views import ViewRows

__all__ = ["ARRIVAL", "CASE", "OWED", "Bell", "PostgresLedger"]


class PostgresLedger(
    IntakeRows,
    SortingRows,
    CaseRows,
    EndingRows,
    DraftRows,
    ReviewRows,
    PrivacyRows,
    OutboxRows,
    RolloutRows,
    AuditRows,
    ViewRows,
    AdviceRows,
    InspectionRows,
):
    """Every face of the ledger on one pool of connections; safe to share between threads, not across a fork.

    Parameters
    ----------
    url
        libpq URL, such as ``postgresql://vetflow@/ledger?host=/run/vetflow``.
    sealer
        Gives the key ring of the sealed map when it is first needed; most processes never do.
    connections
        Most connections open at once; nothing is opened before it is needed.
    """

    def __init__(self, url: str, *, sealer: SealerSource = no_keys, connections: int = 32) -> None:
        super().__init__(Database(url, connections=connections))
        self._sealer = sealer

    def close(self) -> None:
        """Close all connections."""
        self._database.close()
