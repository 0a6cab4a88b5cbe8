"""What validation makes of tag evidence: a table row in, checks out."""

from collections.abc import Mapping
from dataclasses import dataclass

from vetflow.domain.evidence import TagEvidence
from vetflow.domain.positioning import deviation_index

Cell = str | int | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One expectation and whether it held; never the value it looked at.

    Parameters
    ----------
    critical
        The film is refused when it did not hold.
    """

    reason: str
    says: str
    held: bool
    critical: bool


def evidence_row(evidence: TagEvidence) -> Mapping[str, Cell]:
    """Return the row of the evidence table for one film: counts, sizes and terms, no free text."""
    declared = evidence.declared_bytes
    return {
        "modality": evidence.modality,
        "rows": evidence.rows,
        "columns": evidence.columns,
        "frames": evidence.frames,
        "bits": evidence.bits,
        "photometric": evidence.photometric,
        "pixel_share": 1.0 if evidence.compressed or not declared else evidence.present_bytes / declared,
        "burned_in": "yes" if evidence.burned_in else "no",
        "species_fields": len(evidence.species),
        "region_fields": len(evidence.regions),
        "view_fields": len(evidence.views),
        "deviation_index": deviation_index(evidence.exposure),
    }
