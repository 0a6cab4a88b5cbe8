"""A PACS asked for studies by C-FIND, which hands them over by C-GET, or sends them to our own receiver by C-MOVE."""

import socket
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import cast

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import _config, evt
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext, build_context, build_role

from vetflow.adapters.dimse import PLAIN, DimseNode, DimseTimeouts, associate, not_taken
from vetflow.dicom import answers
from vetflow.domain.errors import PermanentFailure, StudyRefused, TransientError, VetflowError
from vetflow.domain.priors import Answer, PriorLimits, Question

_FIND, _MOVE, _GET = (UID(f"1.2.840.10008.5.1.4.1.2.2.{number}") for number in (1, 2, 3))
"""Study root."""
_IMAGES = tuple(
    UID(f"1.2.840.10008.5.1.4.1.1.{number}")
    for number in ("1", "1.1", "1.1.1", "2", "2.1", "3.1", "4", "6.1", "7", "12.1", "12.2")
)
"""CR, DX for presentation and for processing, CT and enhanced CT, US of many frames, MR, US, SC, XA, RF."""
_COMPRESSED = tuple(
    UID(f"1.2.840.10008.1.2.{number}")
    for number in ("4.50", "4.51", "4.57", "4.70", "4.80", "4.81", "4.90", "4.91", "5")
)
"""JPEG baseline, extended, lossless (twice), JPEG-LS, JPEG 2000 and RLE: a prior comes as it is stored, or not."""

_SUCCESS, _NO_ROOM = 0x0000, 0xA700
_MOST_ANSWERS = 500

# A log is no place for whose study is asked for.
_config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False


class DimsePriors:
    """Earlier studies of a PACS that speaks DIMSE.

    Parameters
    ----------
    node
        Where it is.
    received
        Digests of what our receiver holds of a study, by its UID. Given, studies are moved to our receiver; else
        they come over the association that asks for them.
    """

    def __init__(self, node: DimseNode, *, received: Callable[[str], Sequence[str]] | None = None) -> None:
        self._node = node
        self._received = received

    def find(self, question: Question, *, seconds: float) -> Sequence[Answer]:
        """Return the studies asked for, just as the PACS answers."""
        asked = _identifier(answers.keys(question))
        found: list[Answer] = []
        with _call(self._node, [build_context(_FIND, [*PLAIN])], seconds=seconds) as call:
            for status, said in call.responses(lambda association: association.send_c_find(asked, _FIND)):
                if said is not None and (answer := answers.answer(said, question)):
                    found.append(answer)
                if len(found) > _MOST_ANSWERS:
                    raise PermanentFailure("the PACS names too many studies", status="too many answers")
                _judge(status)
        return found

    def fetch(self, study_uid: str, keep: Callable[[bytes], str], *, limits: PriorLimits) -> Sequence[str]:
        """Return the digests under which a study's images were kept; StudyRefused ``too_large`` or ``not_found``."""
        digests = self._got(study_uid, keep, limits) if self._received is None else self._moved(study_uid, limits)
        if not digests:
            raise StudyRefused("not_found", "The PACS hands over nothing of the study.")
        return digests

    def _got(self, study_uid: str, keep: Callable[[bytes], str], limits: PriorLimits) -> Sequence[str]:
        asked = _identifier({"StudyInstanceUID": study_uid})
        with _call(self._node, _image_contexts(), seconds=limits.seconds, keep=keep, limits=limits) as call:
            for status, _ in call.responses(lambda association: association.send_c_get(asked, _GET)):
                _judge(status)
        return call.digests

    def _moved(self, study_uid: str, limits: PriorLimits) -> Sequence[str]:
        """Have the PACS send a study here, unless it was sent before: each arrival makes a revision of its own."""
        if self._received and (held := self._received(study_uid)):
            if len(held) > limits.instances:
                raise StudyRefused("too_large", "The study has too many images.")
            return held
        asked, to = _identifier({"StudyInstanceUID": study_uid}), self._node.calling
        with _call(self._node, [build_context(_MOVE, [*PLAIN])], seconds=limits.seconds) as call:
            for status, _ in call.responses(lambda association: association.send_c_move(asked, to, _MOVE)):
                if int(status.get("NumberOfCompletedSuboperations", 0)) > limits.instances:
                    raise StudyRefused("too_large", "The study has too many images.")
                _judge(status)
        return self._received(study_uid) if self._received else ()


class _Call:
    """One association, cut when its time or what may come over it is used up."""

    def __init__(self, keep: Callable[[bytes], str] | None, limits: PriorLimits | None) -> None:
        self._keep = keep
        self._instances = limits.instances if limits else 0
        self._octets = limits.megabytes * 1e6 if limits else float("inf")
        self._socket: socket.socket | None = None
        self._error: VetflowError | None = None
        self.digests: list[str] = []
        self.association: Association | None = None

    def responses(
        self, send: Callable[[Association], Iterator[tuple[Dataset, Dataset | None]]]
    ) -> Iterator[tuple[Dataset, Dataset | None]]:
        """Yield the responses to a request; raises why the association was cut, if it was."""
        if self.association is None:
            raise TransientError("the PACS makes no association now")
        try:
            yield from (pair for pair in send(self.association) if self._error is None)
        except ValueError:
            raise not_taken() from None
        except RuntimeError:
            raise self._error or TransientError("the PACS ended the association") from None
        if self._error:
            raise self._error

    def hold(self, association: Association) -> None:
        """Know the socket: it is closed over the heads of pynetdicom's threads, which may wait in it."""
        self.association = association
        association.bind(evt.EVT_DATA_RECV, self._count)
        association.bind(evt.EVT_C_STORE, self._store)
        wrapper = association.dul.socket
        self._socket = wrapper.socket if wrapper else None
        if self._error:
            self.cut(self._error)

    def cut(self, error: VetflowError) -> None:
        """End the association at once; the first reason stays."""
        self._error = self._error or error
        if self._socket:
            with suppress(OSError):
                # Below TLS: another thread may be at the TLS socket, which must not be taken apart under it.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _count(self, event: evt.Event) -> None:
        self._octets -= len(event.data)
        if self._octets < 0:
            self.cut(StudyRefused("too_large", "The study is too large."))

    def _store(self, event: evt.Event) -> int:
        if self._keep is None or len(self.digests) >= self._instances:
            self.cut(StudyRefused("too_large", "The study has too many images."))
            return _NO_ROOM
        try:
            self.digests.append(self._keep(event.encoded_dataset()))
        except VetflowError as error:
            self.cut(error)
            return _NO_ROOM
        return _SUCCESS


@contextmanager
def _call(
    node: DimseNode,
    contexts: list[PresentationContext],
    *,
    seconds: float,
    keep: Callable[[bytes], str] | None = None,
    limits: PriorLimits | None = None,
) -> Generator[_Call]:
    call = _Call(keep, limits)
    timer = threading.Timer(seconds, call.cut, [TransientError("the PACS did not answer in time")])
    timer.daemon = True
    timer.start()
    try:
        association = associate(node, contexts, timeouts=_timeouts(seconds), roles=_roles(contexts))
        call.hold(association)
        try:
            yield call
            association.release()
        finally:
            association.abort()  # nothing, once it is released
    finally:
        timer.cancel()


def _timeouts(seconds: float) -> DimseTimeouts:
    usual = DimseTimeouts()
    return DimseTimeouts(connect=min(usual.connect, seconds), associate=min(usual.associate, seconds), answer=seconds)


def _roles(contexts: list[PresentationContext]) -> list[SCP_SCU_RoleSelectionNegotiation]:
    """Return that images come to us over the association that asks for them."""
    offered = {context.abstract_syntax for context in contexts}
    return [build_role(image, scp_role=True) for image in _IMAGES if image in offered]


def _image_contexts() -> list[PresentationContext]:
    """Return a context for each class and each way its pixels may be stored, so that nothing is re-encoded."""
    plain = [build_context(sop_class, [*PLAIN]) for sop_class in (_GET, *_IMAGES)]
    return [*plain, *(build_context(image, syntax) for image in _IMAGES for syntax in _COMPRESSED)]


def _identifier(values: dict[str, str]) -> Dataset:
    asked = Dataset()
    asked.SpecificCharacterSet = "ISO_IR 192"
    asked.QueryRetrieveLevel = "STUDY"
    for keyword, value in values.items():
        setattr(asked, keyword, value)
    return asked


def _judge(status: Dataset) -> None:
    """Do nothing while it goes on and when it ended well, with failed images too; raise by what a later try brings."""
    code = cast("int | None", status.get("Status"))
    if code is None:
        raise TransientError("the PACS did not answer")
    if code in {_SUCCESS, 0xFF00, 0xFF01} or code >> 12 == 0xB:
        return
    if code >> 8 == 0xA7:
        raise TransientError(f"the PACS has no room now (0x{code:04X})")
    raise PermanentFailure("the PACS refuses the request", status=f"0x{code:04X}")
