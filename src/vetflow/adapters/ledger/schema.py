"""What all tables of the ledger share: types of columns, and how a state is asked for."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import ColumnElement, DateTime, Double, LargeBinary, Text, literal
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute
from sqlalchemy.types import TypeEngine

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]
"""What a JSON column holds."""


class Table(DeclarativeBase):
    """Base of all tables."""

    type_annotation_map: ClassVar[dict[object, TypeEngine[Any]]] = {
        str: Text(),
        bytes: LargeBinary(),
        datetime: DateTime(timezone=True),
        float: Double(),
        list[str]: ARRAY(Text()),
        dict[str, Json]: JSONB(none_as_null=True),
        list[dict[str, Json]]: JSONB(none_as_null=True),
    }


def is_in(column: InstrumentedAttribute[str], *states: StrEnum) -> ColumnElement[bool]:
    """Return the condition that a state is one of these, written out so that partial indices serve it."""
    values = [_word(state, column.type) for state in states]
    return column == values[0] if len(values) == 1 else column.in_(values)


def _word(state: StrEnum, kind: TypeEngine[str]) -> ColumnElement[str]:
    return literal(state.value, kind, literal_execute=True)
