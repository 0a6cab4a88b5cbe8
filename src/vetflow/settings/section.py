"""What every section of a site's file has in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Frozen values; a key that does not exist is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
