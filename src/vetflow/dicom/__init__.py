"""Pure translation between DICOM and the words of the domain; no sockets, no files.

Importing this package quietens pydicom and highdicom: their warnings quote the values of a header, and a log must not
hold a name.
"""

import logging
import warnings

for _library in ("pydicom", "highdicom", "pylibjpeg", "openjpeg"):
    logging.getLogger(_library).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module=_library)
