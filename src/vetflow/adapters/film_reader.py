"""Looking at films through a sandbox: bytes and models go in, checked sights and a preview come out, and are kept."""

import hashlib
import io
import json
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vetflow.domain.bundle import Manifest, manifest_of
from vetflow.domain.clipping import Extent
from vetflow.domain.errors import StudyRefused, TransientError
from vetflow.domain.evidence import TagEvidence
from vetflow.domain.finding import ModelVersion
from vetflow.domain.sight import Sight
from vetflow.domain.trunk_sight import TrunkSight
from vetflow.ports import Champion, Derived, Seen
from vetflow.vision import sighting, trunk_sighting

VERSION = "1"
"""Of looking; another one looks anew at films that were seen."""
_LARGEST_PREVIEW = 4096
_CAVEATS = ("not verified by a veterinarian",)
_SCALE = struct.Struct("<d")


class Answer(Protocol):
    """What the sandbox gives back."""

    @property
    def arrays(self) -> Mapping[str, object]:
        """Arrays by name."""
        ...

    @property
    def values(self) -> Mapping[str, object]:
        """JSON values by name."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Card:
    """A champion and what its bundle says of it."""

    champion: Champion
    manifest: Manifest

    @property
    def name(self) -> str:
        """Its bundle's, unlike that of any other."""
        return self.champion.bundle

    def read(self, values: Mapping[str, object], extent: Extent) -> Sight | TrunkSight:
        """Return what it saw on a film of that size; StudyRefused when that is no answer."""
        model = self.champion.model
        if self.manifest.of_trunk:
            return trunk_sighting.from_values(values, model=model, extent=extent)
        return sighting.from_values(values, model=model)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxedReader:
    """A film reader whose work is done elsewhere, once for each film and bundle.

    Parameters
    ----------
    run
        Runs the looking in the sandbox with the film's bytes and bundles by name.
    bundle
        Gives a bundle's archive by digest, checked.
    derived
        Holds de-identified films, and what was seen of them.
    """

    run: Callable[[bytes, Mapping[str, bytes]], Answer]
    bundle: Callable[[str], bytes]
    derived: Derived

    def look(self, film: str, champions: Sequence[Champion], *, evidence: TagEvidence) -> Seen:
        """Return what each champion sees on a film; only those that have not seen it are asked."""
        cards = [_Card(champion=one, manifest=manifest_of(self.bundle(one.bundle))) for one in champions]
        species, extent = evidence.signalment.species, Extent(columns=evidence.columns, rows=evidence.rows)
        fit = [card for card in cards if species is None or species in card.manifest.species]
        sights, preview = self._seen(film, fit, extent)
        return Seen(
            plain=next((sight for sight in sights if isinstance(sight, Sight)), None),
            trunk=next((sight for sight in sights if isinstance(sight, TrunkSight)), None),
            preview=preview[_SCALE.size :],
            scale=cast("float", _SCALE.unpack_from(preview)[0]),
            caveats=tuple(dict.fromkeys(_caveats(cards))),
            abstained="" if fit else f"the model is not meant for this species ({species})",
        )

    def _seen(self, film: str, cards: Sequence[_Card], extent: Extent) -> tuple[list[Sight | TrunkSight], bytes]:
        """Return what each sees, and the preview, its scale before it."""
        preview = self.derived.get(_key(film, "preview"))
        kept = {card.name: self.derived.get(_key(film, card.name)) for card in cards}
        answers = {name: _values(json.loads(answer)) for name, answer in kept.items() if answer is not None}
        missing = [card for card in cards if card.name not in answers]
        if preview is None or missing:
            fresh, preview = self._asked(film, missing)
            answers |= fresh
        sights = [card.read(answers[card.name], extent) for card in cards]
        for card in missing:
            self.derived.put(_key(film, card.name), json.dumps(answers[card.name]).encode())
        return sights, preview

    def _asked(self, film: str, cards: Sequence[_Card]) -> tuple[dict[str, Mapping[str, object]], bytes]:
        """Return the answers of models, not read yet, and the preview, which is kept."""
        data = self.derived.get(film)
        if data is None:
            raise TransientError("the de-identified film is gone")
        answer = self.run(data, {card.name: self.bundle(card.name) for card in cards})
        sights, scale = _values(answer.values.get("sights")), answer.values.get("scale")
        if not (isinstance(scale, float) and 0.0 < scale <= 1.0) or not set(sights) >= {card.name for card in cards}:
            raise _no_answer()
        preview = _SCALE.pack(scale) + _png(answer.arrays.get("preview"))
        self.derived.put(_key(film, "preview"), preview)
        return {card.name: _values(sights[card.name]) for card in cards}, preview


def _key(film: str, what: str) -> str:
    return hashlib.sha256("\0".join((film, "look", VERSION, what)).encode()).hexdigest()


def _values(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise _no_answer()
    return cast("Mapping[str, object]", value)


def _no_answer() -> StudyRefused:
    return StudyRefused("model_output_invalid", "the model gave something that is no answer")


def _caveats(cards: Sequence[_Card]) -> Iterator[str]:
    yield from (f"trained on {card.manifest.trained_on}" for card in cards)
    yield from (f"{_told(card.champion.model)} was asked too" for card in cards[1:])
    yield from _CAVEATS


def _told(model: ModelVersion) -> str:
    return f"{model.name} {model.version} (weights {model.digest[:12]})"


def _png(array: object) -> bytes:
    if not isinstance(array, np.ndarray):
        raise StudyRefused("model_output_invalid", "the sandbox gave no preview")
    grey = cast("NDArray[np.uint8]", array)
    if grey.dtype != np.uint8 or grey.ndim != 2 or max(grey.shape) > _LARGEST_PREVIEW:
        raise StudyRefused("model_output_invalid", "the sandbox gave a preview of another kind")
    held = io.BytesIO()
    Image.fromarray(grey).save(held, "PNG", compress_level=1)
    return held.getvalue()
