"""What vetflow needs from the outside, as Protocols with the fewest methods; every adapter passes a contract test."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vetflow.domain.case import CaseOrder, CaseRef, Lapsed, Subject, Undrafted, WaitingCase
from vetflow.domain.delivery import Delivery, Owed, ResultObject
from vetflow.domain.evidence import TagEvidence
from vetflow.domain.finding import Assessment, ModelVersion
from vetflow.domain.priors import Answer, PriorLimits, Question
from vetflow.domain.privacy import Identity, Sealed
from vetflow.domain.rollout import Phase
from vetflow.domain.sight import Sight
from vetflow.domain.signalment import Species
from vetflow.domain.study import Admission, Arrival, Completeness, Facts, Instance, OpenStudy, Refusal
from vetflow.domain.trunk_sight import TrunkSight


class Clock(Protocol):
    """Time."""

    def now(self) -> datetime:
        """Return the present in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        ...


class ObjectStore(Protocol):
    """Bytes by SHA-256."""

    def put(self, parts: Iterable[bytes]) -> str:
        """Return the hexadecimal SHA-256 of the joined parts once they are durable; the same bytes are kept once."""
        ...

    def get(self, digest: str) -> bytes:
        """Return the bytes; StudyRefused ``object_missing`` or ``object_damaged`` when they are not what was put."""
        ...

    def has(self, digest: str) -> bool:
        """Whether the object is there, by name only."""
        ...

    def digests(self) -> Iterator[str]:
        """Yield every digest held."""
        ...


class Intake(Protocol):
    """The ledger as the receiver sees it."""

    def admit(self, arrival: Arrival) -> Admission:
        """Record an instance and return once the row is committed; TransientError when the database is away."""
        ...

    def refuse(self, refusal: Refusal) -> None:
        """Record what a sender was refused."""
        ...


class Sorting(Protocol):
    """The ledger as dispatcher and completeness see it."""

    def unsorted(self, limit: int, *, sop_classes: Collection[str] | None = None) -> Sequence[Instance]:
        """Return received instances whose header has not been looked at, oldest first; of some SOP classes if asked."""
        ...

    def sort(self, instance_id: str, facts: Facts) -> None:
        """Keep an instance's facts; it is ``waiting`` then, or ``processing`` when its case was opened first."""
        ...

    def set_aside(self, instance_id: str, reason: str) -> None:
        """Quarantine an instance."""
        ...

    def facts(self, study_id: str, revision: int) -> Sequence[Facts]:
        """Return the facts of every instance of a revision."""
        ...

    def open_studies(self) -> Sequence[OpenStudy]:
        """Return studies with instances that belong to no revision."""
        ...

    def close_revision(self, study_id: str, decision: Completeness) -> int:
        """Make the next revision of all instances held and return its number."""
        ...

    def unrouted(self) -> Sequence[tuple[str, int]]:
        """Return study ids and numbers of revisions whose cases may not all be open yet, oldest first."""
        ...

    def routed(self, study_id: str, revision: int) -> None:
        """Note that every case of a revision is open; instances that none wants are ``delivered``."""
        ...


class Cases(Protocol):
    """The ledger as dispatcher, flows and reconciler see it; every write checks the attempt (StaleAttempt)."""

    def open_case(self, order: CaseOrder) -> str:
        """Return the id of the case, made when it is new, or asked for again when the latest one has ended."""
        ...

    def waiting_cases(self, limit: int) -> Sequence[WaitingCase]:
        """Return cases without a flow run for their attempt, most urgent queue first, then oldest."""
        ...

    def submitted(self, ref: CaseRef, run_id: str) -> None:
        """Record the flow run made for an attempt."""
        ...

    def claim(self, ref: CaseRef, *, owner: str, lease_seconds: float) -> Subject:
        """Take the lease and return what the case is about; StaleAttempt when another holds or ended it."""
        ...

    def judges(self, ref: CaseRef, digests: Sequence[str]) -> None:
        """Note which of the case's instances it judges, in the order that findings number them; else it is all."""
        ...

    def renew(self, ref: CaseRef, *, owner: str, lease_seconds: float) -> None:
        """Prolong the lease."""
        ...

    def finish(
        self,
        ref: CaseRef,
        assessment: Assessment,
        results: Sequence[ResultObject],
        owed: Sequence[Owed],
        *,
        steps: Mapping[str, float] = ...,
    ) -> None:
        """Commit results, findings, deliveries and seconds of each step and end the case as done, all or nothing."""
        ...

    def refuse_case(self, ref: CaseRef, reason: str) -> None:
        """End the case as refused; its film is quarantined when the case is of one film."""
        ...

    def fail(self, ref: CaseRef, reason: str, *, again: bool, most: int) -> None:
        """Give up this attempt: the next one waits when ``again`` and fewer than ``most`` were made, else failed."""
        ...

    def put_off(self, ref: CaseRef, reason: str, *, first: float, cap: float) -> None:
        """Give up this attempt while the outside is not ready: the next begins in `first` seconds, later each time."""
        ...

    def cancel(self, ref: CaseRef) -> None:
        """End the case because a person cancelled it."""
        ...

    def lapsed(self, *, submitted_seconds: float) -> Sequence[Lapsed]:
        """Return cases whose lease ended, and cases submitted that long ago and never claimed."""
        ...

    def again(self, ref: CaseRef, *, most: int, reason: str) -> CaseRef | None:
        """Open the next attempt of a lapsed case and return it; None when ``most`` are used up (then failed)."""
        ...


class Drafts(Protocol):
    """The ledger as the drafter sees it."""

    def undrafted(self) -> Sequence[Undrafted]:
        """Return revisions of which every case has ended, one of them since the last draft; oldest first."""
        ...

    def open_draft(self, order: CaseOrder) -> str | None:
        """Return the id of the draft's next case; None when one of the others has come to life meanwhile."""
        ...

    def leave_undrafted(self, study_id: str, revision: int) -> None:
        """Note that nobody wants a draft of a revision as it stands."""
        ...


class Privacy(Protocol):
    """Where what was taken out of studies is kept sealed; each look into it is audited."""

    def remember(self, study: str, instance: str, identity: Identity) -> None:
        """Keep what ties an instance (by the digest of its original) to its original; again changes nothing."""
        ...

    def recall(self, study: str, *, actor: str, purpose: str) -> Identity:
        """Return what is known of all instances of a study; ConfigurationError when its key is gone."""
        ...


class Sealer(Protocol):
    """Encryption under the site's key ring; what is sealed is bound to what it is about."""

    @property
    def current(self) -> str:
        """Id of the key that is sealed under now."""
        ...

    def seal(self, plain: bytes, *about: str) -> Sealed:
        """Return the bytes sealed under the current key."""
        ...

    def unseal(self, sealed: Sealed, *about: str) -> bytes:
        """Return the bytes; ConfigurationError when the key is gone, StudyRefused ``map_damaged`` when they changed."""
        ...


class Outbox(Protocol):
    """The ledger as the courier sees it."""

    def lease_due(self, *, limit: int, lease_seconds: float, destination: str | None = None) -> Sequence[Delivery]:
        """Take deliveries whose time has come, oldest first; no other courier gets them while the lease lasts.

        Only those of one destination when it is given, so that a slow one never stands before another.
        """
        ...

    def sent(self, delivery_id: str) -> None:
        """Record success."""
        ...

    def postpone(self, delivery_id: str, *, error: str, seconds: float) -> None:
        """Record a transient failure and when to try again."""
        ...

    def bury(self, delivery_id: str, *, error: str, status: str) -> None:
        """Record a permanent failure."""
        ...

    def replay(self, delivery_id: str) -> None:
        """Owe a dead or held delivery again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """The model that runs for a use case.

    Parameters
    ----------
    bundle
        SHA-256 of the bundle archive in the object store.
    """

    model: ModelVersion
    bundle: str


class Rollout(Protocol):
    """The ledger's champions and phases."""

    def champion(self, name: str) -> Champion | None:
        """Return the model in charge, None when none is registered."""
        ...

    def crown(self, champion: Champion, *, actor: str) -> None:
        """Make a model the champion; audited."""
        ...

    def phase(self, use_case: str, *, model: str, species: Species | None) -> Phase:
        """Return the granted phase for a weights digest; silent when nothing was granted."""
        ...

    def grant(self, use_case: str, phase: Phase, *, model: str, actor: str) -> None:
        """Grant a phase to a weights digest for every species; audited."""
        ...


class Audit(Protocol):
    """The append-only, hash-chained journal."""

    def record(self, *, actor: str, action: str, subject: str, detail: str = "") -> None:
        """Append one entry."""
        ...


class Ledger(Intake, Sorting, Cases, Drafts, Privacy, Outbox, Rollout, Audit, Protocol):
    """The whole ledger, as one adapter answers it."""


class Derived(Protocol):
    """Bytes that can be made again, by what they were made from; losing them costs time only."""

    def get(self, key: str) -> bytes | None:
        """Return what was kept under a key, None when it was not or is damaged."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Keep bytes under a key (hexadecimal digest of inputs, operation and version)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """What looking at one film gave.

    Parameters
    ----------
    plain, trunk
        What a model of any body part and what one of trunks saw; None when none was asked.
    preview
        The film as an 8-bit greyscale PNG for people, made from pixels alone, bone bright.
    scale
        Preview pixels per film pixel.
    caveats
        What a reader must know of the models, one short sentence each, from their cards.
    abstained
        Why no model was asked; empty when one was.
    """

    plain: Sight | None = None
    trunk: TrunkSight | None = None
    preview: bytes = b""
    scale: float = 1.0
    caveats: tuple[str, ...] = ()
    abstained: str = ""


class FilmReader(Protocol):
    """Decoding and inference, out of reach of keys, database and network."""

    def look(self, film: str, champions: Sequence[Champion], *, evidence: TagEvidence) -> Seen:
        """Return what each champion sees on a film, by its key among the derived objects; each looks at it once.

        One is not asked when the species is known and not on its card.

        Raises
        ------
        StudyRefused
            The film can't be decoded, or a model gave something that is no answer.
        TransientError
            The film is gone; deriving it again brings it back.
        """
        ...


class ResultSink(Protocol):
    """A PACS that takes DICOM objects."""

    def store(self, data: bytes) -> None:
        """Send one instance as stored; TransientError or PermanentFailure with the status."""
        ...

    def echo(self) -> None:
        """Ask whether it is there; TransientError when it is not."""
        ...


class PriorSource(Protocol):
    """A PACS that is asked for studies; TransientError when it does not answer in time, PermanentFailure on a no."""

    def find(self, question: Question, *, seconds: float) -> Sequence[Answer]:
        """Return the studies asked for, just as the PACS answers."""
        ...

    def fetch(self, study_uid: str, keep: Callable[[bytes], str], *, limits: PriorLimits) -> Sequence[str]:
        """Return the digests under which a study's images were kept; StudyRefused ``too_large`` or ``not_found``."""
        ...


class PracticeSystem(Protocol):
    """A practice system that takes messages."""

    def send(self, message: bytes) -> None:
        """Send one message and check its acknowledgement; TransientError, or PermanentFailure on AR/CR."""
        ...


class Runs(Protocol):
    """Prefect, as far as dispatcher and reconciler use it; hints, never the truth."""

    def submit(self, case: WaitingCase) -> str:
        """Create the flow run, or find the one with the same key, and return its id."""
        ...

    def alive(self, run_id: str) -> bool:
        """Whether the run may still start or is running, as far as Prefect knows; False when Prefect lost it."""
        ...

    def queued(self, run_id: str) -> bool:
        """Whether the run still waits for a worker, so that its case can't be claimed yet."""
        ...

    def crash(self, run_id: str, reason: str) -> None:
        """Mark a run whose process is gone as crashed."""
        ...

    def announce(self, event: str, subject: str) -> None:
        """Emit an event with an opaque subject; losing it does no harm."""
        ...
