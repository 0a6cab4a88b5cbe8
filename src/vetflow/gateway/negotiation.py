"""Who may associate, and for what: decided before a byte of an image is read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydicom.uid import UID, AllTransferSyntaxes
from pynetdicom import sop_class
from pynetdicom.presentation import AllStoragePresentationContexts, PresentationContext
from pynetdicom.sop_class import Verification  # pyright: ignore[reportUnknownVariableType, reportAttributeAccessIssue]

_DEFLATING = frozenset(
    {
        "1.2.840.10008.1.2.1.99",  # Deflated Explicit VR Little Endian
        "1.2.840.10008.1.2.4.95",  # JPIP Referenced Deflate
        "1.2.840.10008.1.2.4.205",  # JPIP HTJ2K Referenced Deflate
        "1.2.840.10008.1.2.8.1",  # Deflated Image Frame Compression
    }
)
TRANSFER_SYNTAXES = frozenset(str(uid) for uid in AllTransferSyntaxes) - _DEFLATING
"""Everything pydicom knows, except deflated streams: 400 kB of those can grow to 400 MB."""
_STORAGE = frozenset(str(context.abstract_syntax) for context in AllStoragePresentationContexts)
_ECHO = str(Verification)  # pyright: ignore[reportUnknownArgumentType]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """An application entity that may send.

    Parameters
    ----------
    ae_title
        Calling AE title.
    host
        Address it must come from; empty accepts any. An AE title alone proves nothing.
    """

    ae_title: str
    host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Why an association is not wanted, in words and in A-ASSOCIATE-RJ codes (PS3.8 9.3.4)."""

    reason: str
    result: int
    source: int
    diagnostic: int

    @property
    def status(self) -> str:
        """The codes as a person reads them."""
        return f"A-ASSOCIATE-RJ {self.result}/{self.source}/{self.diagnostic}"


CALLED_UNKNOWN = Rejection(reason="called_ae_unknown", result=1, source=1, diagnostic=7)
CALLING_UNKNOWN = Rejection(reason="calling_ae_unknown", result=1, source=1, diagnostic=3)
ADDRESS_UNKNOWN = Rejection(reason="address_not_of_this_ae", result=1, source=1, diagnostic=3)
CROWDED = Rejection(reason="too_many_associations", result=2, source=3, diagnostic=2)
DISK_LOW = Rejection(reason="disk_low", result=2, source=3, diagnostic=2)


def unwanted(peers: Sequence[Peer], *, calling: str, address: str) -> Rejection | None:
    """Return why a calling AE may not associate, None when it may."""
    named = [peer for peer in peers if peer.ae_title.strip() == calling.strip()]
    if not named:
        return CALLING_UNKNOWN
    return None if any(peer.host in {"", address} for peer in named) else ADDRESS_UNKNOWN


def acceptable(proposed: Iterable[PresentationContext]) -> list[PresentationContext]:
    """Return what we support of what a peer proposes: echo, and storage of every class, unknown ones included.

    The peer's order of transfer syntaxes is kept, so that it need not convert what it has.
    """
    syntaxes: dict[str, dict[str, None]] = {}
    for context in proposed:
        abstract = str(context.abstract_syntax)
        if abstract == _ECHO or is_storage(abstract):
            wanted = syntaxes.setdefault(abstract, {})
            wanted.update(dict.fromkeys(str(uid) for uid in context.transfer_syntax if uid in TRANSFER_SYNTAXES))
    return [_context(abstract, list(wanted)) for abstract, wanted in syntaxes.items() if wanted]


def untaken(proposed: Iterable[PresentationContext], taken: Iterable[PresentationContext]) -> bool:
    """Whether a storage class was proposed that can be taken in none of its transfer syntaxes."""
    classes = {str(context.abstract_syntax) for context in taken}
    wanted = {str(context.abstract_syntax) for context in proposed}
    return any(is_storage(abstract) for abstract in wanted - classes)


def is_storage(abstract: str) -> bool:
    """Whether an abstract syntax is a storage class, or one nobody knows (private or newer than pynetdicom)."""
    uid = UID(abstract)
    return abstract in _STORAGE or uid.is_private or not hasattr(sop_class, uid.keyword or "-")


def _context(abstract: str, syntaxes: list[str]) -> PresentationContext:
    context = PresentationContext()
    context.abstract_syntax = UID(abstract)
    context.transfer_syntax = [UID(uid) for uid in syntaxes]
    return context
