"""Settings about draft reports."""

from pathlib import Path

from vetflow.settings.section import Section


class Reports(Section):
    """Draft reports, as the use case ``draft`` writes them."""

    folder: Path | None = None
    """Absolute path of a folder with templates of the site, which win over shipped ones of the same name."""
