"""What a PACS's answer to an object means for who sent it."""

from vetflow.domain.errors import PermanentFailure, TransientError

_DUPLICATE = 0x0111
_LATER = frozenset({0x0110, 0x0213})


def judge(status: int) -> None:
    """Do nothing on success, warnings and duplicates; raise by what sending the object again would bring.

    Parameters
    ----------
    status
        Of C-STORE (PS3.4 annex B.2.3), or Failure Reason (0008,1197) or Warning Reason of STOW-RS (PS3.18 I.2).

    Raises
    ------
    TransientError
        When there is no room now, or processing failed.
    PermanentFailure
        On every other refusal.
    """
    if status in {0x0000, _DUPLICATE} or status >> 12 == 0xB:
        return
    if status >> 8 == 0xA7 or status in _LATER:
        raise TransientError(f"the PACS has no room now (0x{status:04X})")
    raise PermanentFailure("the PACS refuses the object", status=f"0x{status:04X}")
