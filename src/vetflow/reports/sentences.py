"""What the AI says of a study, sentence by sentence; each is marked here, where no template can leave it out."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import cast

from jinja2 import Environment, UndefinedError
from jinja2.environment import TemplateModule

from vetflow.domain import quality
from vetflow.domain.finding import Presence
from vetflow.domain.report import Draft, Statement, System
from vetflow.domain.signalment import plain

MARK = "[AI]"
"""Before each sentence that software wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentences:
    """Marked sentences by section.

    Parameters
    ----------
    voices
        Which models speak; the page does not say it again, since the head of the draft does.
    findings
        By system; every system is there.
    """

    voices: tuple[str, ...]
    quality: tuple[str, ...]
    findings: Mapping[str, tuple[str, ...]]
    figures: tuple[str, ...]
    impression: tuple[str, ...]
    priority: tuple[str, ...]
    differentials: tuple[str, ...]
    advice: tuple[str, ...]


class Speaker:
    """Puts statements into the words of ``phrases.txt`` and ``page.txt``.

    Parameters
    ----------
    templates
        Where both are.
    shipped
        Whose words name the models: a site does not replace those.
    """

    def __init__(self, templates: Environment, shipped: Environment) -> None:
        self._head = shipped.get_template("page.txt").module
        self._phrases = templates.get_template("phrases.txt").module
        self._page = templates.get_template("page.txt").module

    def sentences(self, draft: Draft) -> Sentences:
        """Return what a draft says."""
        return Sentences(
            voices=_joined(_put(self._head, "voice", one) for one in draft.voices),
            quality=_joined(map(self._complaint, draft.quality)),
            findings={system.value: _joined(map(self.said, draft.of(system))) for system in System},
            figures=_joined(self._put("figure", one) for one in draft.figures),
            impression=_joined(self._impression(draft)),
            priority=self._put("priority", draft.priority),
            differentials=_joined(self._put("differential", one, row) for one, row in draft.differentials),
            advice=_joined(self._advice(draft)),
        )

    def said(self, one: Statement) -> tuple[str, ...]:
        """Return one statement in words."""
        return _marked(self._words(one))

    def _words(self, one: Statement) -> str:
        macro = _macro(self._phrases, "say_" + plain(one.name).replace(" ", "_")) or _macro(self._phrases, "say_other")
        if macro is None:
            raise UndefinedError("phrases.txt has no macro say_other")
        return macro(one)

    def _complaint(self, one: Statement) -> tuple[str, ...]:
        """Name the image before a complaint; what is said of a whole film names it itself."""
        if one.code == quality.SERVICE:
            return _marked(self._words(one))
        return self._put("complaint", one, self._words(replace(one, films=())).strip())

    def _impression(self, draft: Draft) -> Iterable[tuple[str, ...]]:
        present, absent = draft.impressions, draft.being(Presence.ABSENT)
        for one in present:
            yield self._put("impression", one)
        if absent and not present:
            yield self._put("nothing", absent)
        if undetermined := draft.being(Presence.UNDETERMINED):
            yield self._put("unknown", undetermined)

    def _advice(self, draft: Draft) -> Iterable[tuple[str, ...]]:
        if draft.repeat:
            yield self._put("repeat", draft.repeat)
        for row in draft.advice:
            yield self._put("advice", row)

    def _put(self, macro: str, *values: object) -> tuple[str, ...]:
        return _put(self._page, macro, *values)


def _put(page: TemplateModule, macro: str, *values: object) -> tuple[str, ...]:
    words = _macro(page, macro)
    if words is None:
        raise UndefinedError(f"page.txt has no macro {macro}")
    return _marked(words(*values))


def _macro(module: TemplateModule, name: str) -> "Callable[..., str] | None":
    return cast("Callable[..., str] | None", getattr(module, name, None))


def _marked(words: str) -> tuple[str, ...]:
    return tuple(f"{MARK} {' '.join(line.split())}" for line in words.splitlines() if line.strip())


def _joined(parts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(sentence for part in parts for sentence in part)
