"""What peers may send and hold."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportLimits:
    """Bounds on what peers may send and hold.

    Parameters
    ----------
    largest_pdu
        Bytes of one PDU; a longer one ends the association.
    pdu_seconds
        Time for one PDU to arrive once it has begun, and for the association request to come.
    associations, associations_per_peer
        Associations at once in all, and from one address.
    spare
        Sockets beyond those that may be open for being told politely that there are too many.
    largest_object
        Bytes of one data set; a longer one ends the association.
    """

    largest_pdu: int = 1 << 20
    pdu_seconds: float = 30.0
    associations: int = 30
    associations_per_peer: int = 12
    spare: int = 8
    largest_object: int = 1 << 31

    def __post_init__(self) -> None:
        if min(self.largest_pdu, self.associations, self.associations_per_peer, self.largest_object) < 1:
            raise ValueError("limits are positive")
        if self.pdu_seconds <= 0 or self.spare < 0:
            raise ValueError("limits are positive")
