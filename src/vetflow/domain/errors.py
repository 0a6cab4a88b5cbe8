"""Every error vetflow raises, sorted by what the caller can do about it.

::

    VetflowError
    ├── TransientError             try again later: the outside was not ready
    ├── PermanentFailure           a peer said no for good; carries its status code
    ├── StudyRefused               stop this study or film; say why to a person
    ├── StaleAttempt               another attempt owns this case now; leave quietly
    └── ConfigurationError         a person must change something

Messages hold opaque ids only: never a name, a description or an original UID.
"""


class VetflowError(Exception):
    """Base of all errors that vetflow raises on purpose."""


class TransientError(VetflowError):
    """The outside was not ready; the same call may succeed later."""


class PermanentFailure(VetflowError):
    """A peer refused for good, so sending the same thing again is useless.

    Parameters
    ----------
    message
        One sentence, opaque ids only.
    status
        The peer's own code, such as ``0xA900`` or ``AR``.
    """

    def __init__(self, message: str, *, status: str = "") -> None:
        super().__init__(message)
        self.status = status


class StudyRefused(VetflowError):
    """The study or film can't be judged.

    Parameters
    ----------
    reason
        A short machine-readable word, such as ``pixels_truncated``.
    message
        One sentence for a person.
    """

    def __init__(self, reason: str, message: str = "") -> None:
        super().__init__(message or reason.replace("_", " "))
        self.reason = reason

    def __reduce__(self) -> tuple[type["StudyRefused"], tuple[str, str]]:
        """Survive the way back from a child process."""
        return StudyRefused, (self.reason, str(self))


class StaleAttempt(VetflowError):
    """A write came from an attempt that no longer owns its case."""


class ConfigurationError(VetflowError):
    """Something a person set is wrong; the message says where and how to mend it."""
