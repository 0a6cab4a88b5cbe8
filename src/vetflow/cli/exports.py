"""Folders of DICOM files on their way out for research, and on their way back."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from vetflow.dicom import header, leaks
from vetflow.dicom.deidentify import VERSION, Deidentified, study_uid
from vetflow.dicom.reidentify import reidentify
from vetflow.domain.errors import ConfigurationError, StudyRefused
from vetflow.domain.privacy import Identity

REPORT = "report.json"
_MADE_BY = f"vetflow deidentify {VERSION}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A file that was not written.

    Parameters
    ----------
    number
        Its place, from 1, among the files in the order of their paths.
    reason
        Such as ``burned_in_text`` or ``not_dicom``.
    """

    number: int
    reason: str


@dataclass(slots=True, kw_only=True)
class ExportedStudy:
    """What was done to the files of one study.

    Parameters
    ----------
    study
        Its name in the export.
    files
        How many were written.
    masked
        How many of them had text blackened.
    private
        Private elements left out.
    removed, cleaned, replaced
        Values left out, changed to words that may stay, and exchanged for a stand-in, by DICOM keyword.
    left_out
        Files held back.
    """

    study: str
    files: int = 0
    masked: int = 0
    private: int = 0
    removed: Counter[str] = field(default_factory=Counter[str])
    cleaned: Counter[str] = field(default_factory=Counter[str])
    replaced: Counter[str] = field(default_factory=Counter[str])
    left_out: list[LeftOut] = field(default_factory=list[LeftOut])

    def count(self, clean: Deidentified) -> None:
        """Add one file."""
        self.files += 1
        self.masked += clean.removed.masked > 0
        self.private += clean.removed.private
        self.removed.update(clean.removed.removed)
        self.cleaned.update(clean.removed.cleaned)
        self.replaced.update(clean.removed.replaced)

    def as_json(self) -> dict[str, object]:
        """Return it as the report holds it."""
        counts = {"files": self.files, "masked": self.masked, "private": self.private}
        words = {"removed": dict(self.removed), "cleaned": dict(self.cleaned), "replaced": dict(self.replaced)}
        return {"study": self.study, **counts, **words, "left_out": [asdict(one) for one in self.left_out]}


@dataclass(slots=True, kw_only=True)
class Export:
    """Writes de-identified files, each study in a folder of its own, under names that tell nothing.

    Parameters
    ----------
    key
        UIDs are replaced under it.
    clean
        De-identifies one file under that key.
    remember
        Keeps what leads back, by study, digest of the original, and identity.
    unreadable
        Files that belong to no study.
    """

    out: Path
    key: bytes
    clean: Callable[[bytes], Deidentified]
    remember: Callable[[str, str, Identity], None]
    studies: dict[str, ExportedStudy] = field(default_factory=dict[str, ExportedStudy])
    unreadable: list[LeftOut] = field(default_factory=list[LeftOut])

    @property
    def whole(self) -> bool:
        """Whether every file was written."""
        return not self.unreadable and not any(study.left_out for study in self.studies.values())

    def take(self, number: int, path: Path) -> str:
        """Write one file; return why it was left out, empty when it was not."""
        try:
            data = path.read_bytes()
            name = study_name(study_uid(data, key=self.key))
        except (StudyRefused, OSError) as error:
            reason = error.reason if isinstance(error, StudyRefused) else "unreadable"
            self.unreadable.append(LeftOut(number=number, reason=reason))
            return reason
        study = self.studies.setdefault(name, ExportedStudy(study=name))
        try:
            self._write(study, data)
        except StudyRefused as refused:
            study.left_out.append(LeftOut(number=number, reason=refused.reason))
            return refused.reason
        return ""

    def _write(self, study: ExportedStudy, data: bytes) -> None:
        clean = self.clean(data)
        if clean.identity.uids:
            self.remember(study.study, hashlib.sha256(data).hexdigest(), clean.identity)
        study.count(clean)
        folder = self.out / study.study
        folder.mkdir(exist_ok=True)
        (folder / f"{study.files:04}.dcm").write_bytes(clean.data)

    def report(self) -> dict[str, object]:
        """Return what was done, without a value and without a name or path of the source."""
        return {
            "made_by": _MADE_BY,
            "studies": [study.as_json() for study in self.studies.values()],
            "unreadable": [asdict(one) for one in self.unreadable],
        }


def files_of(source: Path) -> list[Path]:
    """Return a file, or all files below a folder in the order of their paths, but for the report of an export."""
    if not source.is_dir():
        return [source]
    return sorted(path for path in source.rglob("*") if path.is_file() and not _is_report(path))


def empty_folder(out: Path) -> Path:
    """Return a folder to write to, made if need be; ConfigurationError when something lies in it."""
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise ConfigurationError(f"{out} is not empty; name a new folder")
    return out


def study_name(uid: str) -> str:
    """Return the name of a study in an export, from its new UID."""
    return f"study-{hashlib.sha256(uid.encode()).hexdigest()[:12]}"


def leaks_in(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield what the files of a folder tell, their names included, that de-identified ones would not."""
    for path in files_of(folder):
        within = path.relative_to(folder) if path != folder else Path(path.name)
        if any(map(leaks.in_name, within.parts)):
            yield within, "its name may tell something"
        yield from ((within, problem) for problem in leaks.found(path.read_bytes()))


def bring_back(data: bytes, recall: Callable[[str], Identity]) -> bytes:
    """Return an object with the identity of its study; StudyRefused ``study_unknown`` when it was not exported here.

    Parameters
    ----------
    recall
        Gives the identity of an exported study by its name.
    """
    study = header.read(data).StudyInstanceUID
    identity = recall(study_name(str(study)))
    if not identity.uids:
        raise StudyRefused("study_unknown", "Nothing is known of this study: it was not exported here.")
    return reidentify(data, identity)


def _is_report(path: Path) -> bool:
    try:
        return path.name == REPORT and json.loads(path.read_bytes()).get("made_by") == _MADE_BY
    except (ValueError, AttributeError):
        return False
