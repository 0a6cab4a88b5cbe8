r"""Values that stay values: escaping of HL7 v2 text (2.5.1 section 2.7).

hl7apy escapes neither ``^`` nor a carriage return, so a name holding one becomes a component or a segment of its own,
and it escapes ``\.br\`` a second time; hence this module.
"""

import re

_PLAIN = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"}
_BACK = {escape.strip("\\"): plain for plain, escape in _PLAIN.items()} | {".br": "\n"}
_BREAK = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
_SPECIAL = re.compile(r"[\\|^&~\n]")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_ESCAPE = re.compile(r"\\(E|F|S|T|R|\.br)\\")


def clean(text: str) -> str:
    """Return text with every kind of line end as a line feed, and other control characters left out."""
    return _CONTROL.sub("", _BREAK.sub("\n", text))


def escaped(text: str) -> str:
    r"""Return text that can stand in any field without ending it; line ends become ``\.br\``."""
    return _SPECIAL.sub(lambda found: _PLAIN.get(found[0], "\\.br\\"), clean(text))


def unescaped(text: str) -> str:
    """Return what :func:`escaped` was given, cleaned; escapes of other kinds stay as they are."""
    return _ESCAPE.sub(lambda found: _BACK[found[1]], text)
