"""Where instances are handed in, whoever brings them and however: checked, made durable, and only then taken."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from vetflow.domain.errors import TransientError
from vetflow.domain.study import Arrival, Refusal, is_uid
from vetflow.gateway.negotiation import TRANSFER_SYNTAXES, is_storage
from vetflow.gateway.part10 import file_head, opened
from vetflow.gateway.peek import Claimed, UnreadableDataset, claimed
from vetflow.ports import Intake, ObjectStore

log = structlog.stdlib.get_logger()

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700
MISMATCH = 0xA900
NOT_UNDERSTOOD = 0xC000
CLASS_NOT_TAKEN = 0x0122
SYNTAX_NOT_TAKEN = 0xC122
"""PS3.4 B.2.3, the last two PS3.18 I.2.2."""
_LONGEST_SENDER = 64


class Refused(Exception):
    """An instance the sender must keep.

    Parameters
    ----------
    reason
        A word for people.
    status
        What the sender is answered.
    """

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """An encoded data set, without file meta information.

    Parameters
    ----------
    syntax
        Transfer syntax.
    size
        Bytes of all pieces.
    """

    syntax: str
    size: int
    pieces: Iterable[bytes]


class Brought(Protocol):
    """A file in a sender's hands."""

    @property
    def dicom(self) -> bool:
        """Whether it is said to be DICOM."""
        ...

    @property
    def view(self) -> memoryview:
        """All of it, uncopied."""
        ...

    def pieces(self, start: int) -> Iterable[bytes]:
        """Return what stands from an offset on."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedIn:
    """What became of a file.

    Parameters
    ----------
    sop_class, sop
        UIDs as the file states them, empty when it states no valid ones.
    status
        0 when it is ours now, else why not (PS3.18 I.2.2).
    digest
        SHA-256 it is stored under, empty when it is not ours.
    """

    sop_class: str
    sop: str
    status: int
    digest: str = ""


class Desk:
    """Takes instances.

    Parameters
    ----------
    store
        Takes the bytes.
    intake
        Takes the row, and what was refused.
    room
        Whether the store's disk has room.
    """

    def __init__(self, *, store: ObjectStore, intake: Intake, room: Callable[[], bool] = lambda: True) -> None:
        self._store = store
        self._intake = intake
        self.room = room

    def take(self, claim: Claimed, encoded: Encoded, *, sender: str) -> str:
        """Return an instance's digest once it is durable and admitted.

        Raises
        ------
        TransientError
            When it is not, and the sender should try again.
        """
        if not self.room():
            raise TransientError("the disk is low")
        head = file_head(sop_class=claim.sop_class, sop=claim.sop, transfer_syntax=encoded.syntax)
        digest = self._store.put(_joined(head, encoded.pieces))
        arrival = Arrival(
            study_uid=claim.study,
            series_uid=claim.series,
            sop_uid=claim.sop,
            sop_class=claim.sop_class,
            transfer_syntax=encoded.syntax,
            digest=digest,
            size=len(head) + encoded.size,
            sender=sender,
        )
        self._intake.admit(arrival)
        return digest

    def hand_in(self, files: Sequence[Brought], *, sender: str, study: str = "") -> list[HandedIn]:
        """Return what became of each DICOM file; its own file meta information is replaced by ours.

        Once one can't be stored the others are not tried: store or ledger are away, and the sender waits.

        Parameters
        ----------
        study
            Study Instance UID they must be of; empty takes any.
        """
        outcomes: list[HandedIn] = []
        for file in files:
            away = bool(outcomes) and outcomes[-1].status == OUT_OF_RESOURCES
            outcomes.append(self._hand_in(file, sender=sender, study=study, away=away))
        return outcomes

    def _hand_in(self, file: Brought, *, sender: str, study: str, away: bool) -> HandedIn:
        claim, status, digest = Claimed(), SUCCESS, ""
        try:
            syntax, start = _opened(file)
            claim = walked(file.view[start:], syntax)
            fit(claim, study=study)
            encoded = Encoded(syntax=syntax, size=len(file.view) - start, pieces=file.pieces(start))
            if away:
                status = OUT_OF_RESOURCES
            else:
                digest = self.take(claim, encoded, sender=sender)
        except Refused as refused:
            status = refused.status
            self.refuse(sender, refused.reason, f"0x{status:04X}")
        except TransientError as error:
            status = OUT_OF_RESOURCES
            log.warning("instance not stored", error=type(error).__name__)
        named = is_uid(claim.sop) and is_uid(claim.sop_class)
        sop_class, sop = (claim.sop_class, claim.sop) if named else ("", "")
        return HandedIn(sop_class=sop_class, sop=sop, status=status, digest=digest)

    def refuse(self, sender: str, reason: str, status: str) -> None:
        """Log and record, for people, what a sender was refused."""
        log.warning("refused", reason=reason, status=status)
        try:
            self._intake.refuse(Refusal(sender=_printable(sender), reason=reason, status=status))
        except TransientError:
            log.warning("refusal not recorded", reason=reason)


def walked(data: bytes | memoryview, syntax: str) -> Claimed:
    """Return the UIDs a data set claims, unchecked; Refused when it can't be walked."""
    try:
        return claimed(data, syntax)
    except UnreadableDataset:
        raise Refused("dataset_unreadable", NOT_UNDERSTOOD) from None


def fit(claim: Claimed, *, study: str = "") -> None:
    """Do nothing when an instance is named as it must be and of a storage class; Refused says what is wrong.

    Parameters
    ----------
    study
        Study Instance UID it must be of; empty takes any.
    """
    uids = (claim.study, claim.series, claim.sop, claim.sop_class)
    if not all(uids):
        raise Refused("uid_missing", MISMATCH)
    if not all(map(is_uid, uids)):
        raise Refused("uid_invalid", MISMATCH)
    if not is_storage(claim.sop_class):
        raise Refused("sop_class_not_taken", CLASS_NOT_TAKEN)
    if study and claim.study != study:
        raise Refused("uid_not_of_path", MISMATCH)


def _opened(file: Brought) -> tuple[str, int]:
    """Return a file's transfer syntax and where its data set begins."""
    if not file.dicom:
        raise Refused("part_not_dicom", NOT_UNDERSTOOD)
    try:
        syntax, start = opened(file.view)
    except UnreadableDataset:
        raise Refused("file_unreadable", NOT_UNDERSTOOD) from None
    if syntax not in TRANSFER_SYNTAXES:
        raise Refused("transfer_syntax_unknown", SYNTAX_NOT_TAKEN)
    return syntax, start


def _joined(head: bytes, pieces: Iterable[bytes]) -> Iterable[bytes]:
    yield head
    yield from pieces


def _printable(name: str) -> str:
    return "".join(letter for letter in name[:_LONGEST_SENDER] if letter.isascii() and letter.isprintable())
