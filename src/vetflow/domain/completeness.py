"""When a study counts as complete; a pure decision."""

from collections.abc import Mapping

from vetflow.domain.study import Completeness, OpenStudy


def completeness(study: OpenStudy, quiet: Mapping[str, float], *, default: float, longest: float) -> Completeness:
    """Return whether the study may be closed into a revision, and why.

    Parameters
    ----------
    quiet
        Seconds without a new instance, per modality; the slowest modality of the study counts.
    default
        Seconds for modalities not named.
    longest
        Seconds after which a study that keeps growing or lacks instances is closed all the same.
    """
    wanted = max((quiet.get(modality, default) for modality in study.modalities), default=default)
    if study.unsorted:
        return Completeness(complete=False, reason=f"{study.unsorted} instances not sorted yet")
    if study.open_seconds >= longest:
        short = study.expected is not None and study.count < study.expected
        return Completeness(complete=True, forced=short, reason=f"closed after {longest:g} s: {_counts(study)}")
    if study.quiet_seconds < wanted:
        return Completeness(complete=False, reason=f"quiet for {study.quiet_seconds:.0f} of {wanted:g} s")
    if study.expected is not None and study.count < study.expected:
        return Completeness(complete=False, reason=_counts(study))
    return Completeness(complete=True, reason=f"quiet for {wanted:g} s, {_counts(study)}")


def _counts(study: OpenStudy) -> str:
    return f"{study.count} instances" if study.expected is None else f"{study.count} of {study.expected} instances"
