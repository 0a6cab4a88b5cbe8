"""Associations that we ask a PACS for, and why one is not made."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext

from vetflow.adapters.tls import Secure, diagnosis, usable
from vetflow.domain.errors import PermanentFailure, TransientError

PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
_REJECTED_PERMANENT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DimseTimeouts:
    """How long a PACS may take, seconds: to connect, to answer an association, to answer a message."""

    connect: float = 5.0
    associate: float = 10.0
    answer: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DimseNode:
    """Where a PACS is, and under which names it is spoken to.

    Parameters
    ----------
    called, calling
        AE titles, its own and ours; a C-MOVE sends to ours.
    tls
        Our certificate and whom we believe; None speaks plain.
    """

    host: str
    port: int
    called: str
    calling: str
    tls: Secure | None = None


def associate(
    node: DimseNode,
    contexts: Sequence[PresentationContext],
    *,
    timeouts: DimseTimeouts,
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
) -> Association:
    """Return an established association; TransientError, or PermanentFailure when there never will be one.

    What is wrong with a certificate, theirs or ours, is a TransientError: a person mends it.
    """
    entity = ApplicationEntity(node.calling)
    entity.connection_timeout = timeouts.connect
    entity.acse_timeout = timeouts.associate
    entity.dimse_timeout = entity.network_timeout = timeouts.answer
    secure = usable(node.tls) if node.tls else None
    tls = (secure, node.host) if secure else None
    try:
        made = entity.associate(node.host, node.port, [*contexts], node.called, ext_neg=[*roles], tls_args=tls)
    except OSError:
        raise TransientError("the PACS can't be reached") from None
    if not made.is_established:
        why = diagnosis(node.host, node.port, secure, seconds=timeouts.connect) if secure else ""
        raise _refusal(made) or TransientError(why or "the PACS makes no association now")
    _undelayed(made)
    return made


def not_taken() -> PermanentFailure:
    """Return the error for a presentation context that is not accepted."""
    return PermanentFailure("the PACS takes nothing of this kind", status="context not accepted")


def _refusal(association: Association) -> PermanentFailure | None:
    """Return the error for an association that was not made and never will be, None when it may be later."""
    answer = association.acceptor.primitive
    if association.is_rejected and answer is not None and answer.result == _REJECTED_PERMANENT:
        codes = f"A-ASSOCIATE-RJ {answer.result}/{answer.result_source}/{answer.diagnostic}"
        return PermanentFailure("the PACS rejects our association", status=codes)
    return not_taken() if association.rejected_contexts and not association.accepted_contexts else None


def _undelayed(association: Association) -> None:
    """Send small PDUs at once: waiting for delayed acknowledgements costs 40 ms an object."""
    wrapper = association.dul.socket
    if wrapper is not None and wrapper.socket is not None:
        wrapper.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
