"""What was taken out of a study, so that it can be put back; never outside ledger, store and sealed maps."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What ties a de-identified instance to its original.

    Parameters
    ----------
    uids
        Replacement → original.
    shift_days
        Days that were added to every date, the same for all studies of one patient.
    attributes
        The original's identifying attributes as a DICOM JSON object (PS3.18 annex F), as text.
    """

    uids: Mapping[str, str] = field(default_factory=dict[str, str])
    shift_days: int = 0
    attributes: str = "{}"

    def joined(self, other: "Identity") -> "Identity":
        """Return both, the other's word taken where they differ: instances of one study know UIDs of their own."""
        return Identity(
            uids={**self.uids, **other.uids},
            shift_days=other.shift_days,
            attributes=json.dumps({**json.loads(self.attributes), **json.loads(other.attributes)}),
        )

    def to_json(self) -> bytes:
        """Return it as bytes to be sealed."""
        held = {"uids": dict(self.uids), "shift_days": self.shift_days, "attributes": json.loads(self.attributes)}
        return json.dumps(held, separators=(",", ":"), sort_keys=True).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Identity":
        """Return what :meth:`to_json` wrote."""
        held = cast("dict[str, object]", json.loads(data))
        return cls(
            uids=cast("dict[str, str]", held["uids"]),
            shift_days=cast("int", held["shift_days"]),
            attributes=json.dumps(held["attributes"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """Encrypted bytes, and the id of the key that opens them."""

    key_id: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """What became of putting everything under the current key.

    Parameters
    ----------
    done
        Identities that were under an older key and are under the current one now.
    left
        Identities that could not be opened: damaged, or sealed under a key that is gone.
    """

    done: int
    left: int

    def __add__(self, other: "Resealed") -> "Resealed":
        return Resealed(done=self.done + other.done, left=self.left + other.left)
