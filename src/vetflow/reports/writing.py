"""Draft reports in words, from templates that ship and that a site may replace, in a sandbox."""

import importlib.resources
import re
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from vetflow.domain.coding import Code
from vetflow.domain.differentials import Table
from vetflow.domain.errors import ConfigurationError
from vetflow.domain.finding import Presence
from vetflow.domain.report import Draft, Paragraph
from vetflow.reports.sentences import MARK, Sentences, Speaker
from vetflow.reports.table import FILE, parse

_DATA = Path(str(importlib.resources.files("vetflow.reports")))
_SHIPPED = _DATA / "templates"
_HEADER, _ANY = "header.txt", "trunk.txt"
_BROKEN = (TemplateError, ArithmeticError, AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError)
"""What a template can run into."""


def _section(value: str, heading: str, concept: str) -> tuple[Code, Code]:
    of = Code(value=value, scheme="DCM", meaning=heading)
    return of, Code(value=str(int(value) + 1), scheme="DCM", meaning=concept)


FINDINGS = _section("121070", "Findings", "Finding")
IMPRESSIONS = _section("121072", "Impressions", "Impression")
RECOMMENDATIONS = _section("121074", "Recommendations", "Recommendation")
"""Heading of a section of a structured report and concept of the text in it (CID 7001 and 7002)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A draft report in words.

    Parameters
    ----------
    text
        Plain text.
    paragraphs
        What the AI says of it, for a structured report.
    trouble
        What is wrong with the site's own templates, so that those that ship were used; None when nothing is.
    """

    text: str
    paragraphs: tuple[Paragraph, ...]
    trouble: ConfigurationError | None = None


class Templates:
    """The templates that ship, and a site's own over them.

    Parameters
    ----------
    folder
        The site's own, by the names of those that ship; None when it has none.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._shipped = _environment(_SHIPPED)

    def check(self) -> None:
        """Do nothing when the site's files can be read; ConfigurationError names file and line of the first that can't.

        What goes wrong only when a report is written shows there.
        """
        if self._folder is None:
            return
        templates = _environment(self._folder, _SHIPPED)
        try:
            for name in sorted(path.name for path in self._folder.glob("*.txt")):
                templates.get_template(name)
        except _BROKEN as error:
            raise _explained(error, self._folder) from None
        _table(self._folder)

    @cached_property
    def table(self) -> Table:
        """Differentials and advice: the site's, or those that ship when it has none or they are broken."""
        try:
            return _table(self._folder or _DATA)
        except ConfigurationError:
            return _table(_DATA)

    def written(self, draft: Draft) -> Written:
        """Return a draft in words; when the site's templates are broken, in those that ship, which is said."""
        if self._folder is None:
            return self._written(self._shipped, draft)
        try:
            _table(self._folder)
            return self._written(_environment(self._folder, _SHIPPED), draft)
        except ConfigurationError as error:
            return self._written(self._shipped, draft, trouble=error)
        except _BROKEN as error:
            return self._written(self._shipped, draft, trouble=_explained(error, self._folder))

    def _written(self, templates: Environment, draft: Draft, *, trouble: ConfigurationError | None = None) -> Written:
        speaker = Speaker(templates, self._shipped)
        said = speaker.sentences(draft)
        sections = {field.name: getattr(said, field.name) for field in fields(said)}
        page = templates.select_template([*_named(draft), _ANY]).render(given=draft.given, **sections)
        claims = [sentence for one in draft.being(Presence.PRESENT) for sentence in speaker.said(one)]
        header = self._shipped.get_template(_HEADER).render(
            mark=MARK,
            voices=said.voices,
            broken=trouble is not None,
            left_out=[sentence for sentence in claims if sentence not in page],
        )
        return Written(text=_tidy(f"{header}\n{page}"), paragraphs=tuple(_paragraphs(said)), trouble=trouble)


def _environment(*folders: Path) -> Environment:
    templates = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader([*folders]), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters["sentence"] = _sentence
    templates.filters["oneline"] = _oneline
    return templates


def _table(folder: Path) -> Table:
    """Return a folder's table, else the one that ships."""
    path = folder / FILE if (folder / FILE).is_file() else _DATA / FILE
    try:
        return parse(path.read_text(encoding="utf-8"), name=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: can't be read ({type(error).__name__})") from None


def _named(draft: Draft) -> Iterable[str]:
    """Yield the name of the page for the animal and region, such as ``thorax_dog.txt``."""
    species, region = draft.given.signalment.species, draft.given.region
    if species and region:
        yield f"{region.value}_{species.value}.txt"


def _paragraphs(said: Sentences) -> Iterable[Paragraph]:
    of_systems = (sentence for system in said.findings.values() for sentence in system)
    found = (*said.voices, *said.quality, *of_systems, *said.figures)
    sections = (
        (FINDINGS, found),
        (IMPRESSIONS, (*said.impression, *said.priority, *said.differentials)),
        (RECOMMENDATIONS, said.advice),
    )
    for (heading, concept), sentences in sections:
        if sentences:
            yield Paragraph(heading=heading, concept=concept, text="\n".join(sentences))


def _explained(error: BaseException, folder: Path) -> ConfigurationError:
    """Say where a template is broken; of what it was working on, nothing."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [(Path(frame.filename), frame.lineno) for frame in frames if Path(frame.filename).suffix == ".txt"]
    if isinstance(error, TemplateSyntaxError):
        places.append((Path(error.filename or folder / (error.name or "")), error.lineno))
    path, line = next((place for place in reversed(places) if place[0].parent == folder), (folder, None))
    reason = str(error.message) if isinstance(error, TemplateError) else type(error).__name__
    return ConfigurationError(f"{path}{f', line {line}' if line else ''}: {reason}")


def _tidy(text: str) -> str:
    """Return text without spaces at the ends of lines and without more than one empty line on end."""
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip() + "\n"


def _sentence(text: str) -> str:
    """Return text that begins with a capital letter."""
    return text[:1].upper() + text[1:]


def _oneline(text: str) -> str:
    """Return text on one line, without characters that can't be seen."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
