"""The peer of the ingest bench: what a careful person would write with pynetdicom in an afternoon.

Run as ``python -m vetflow.bench.bare_receiver FOLDER``; prints its port. Each instance is written, synced, renamed and
its folder synced before Success, as vetflow does; there is no ledger, no limit and no check.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pynetdicom import AE, AllStoragePresentationContexts, evt

if TYPE_CHECKING:
    from pynetdicom.dimse_primitives import C_STORE


def _kept(event: evt.Event, folder: Path) -> int:
    request = cast("C_STORE", event.request)
    draft = folder / f"{request.AffectedSOPInstanceUID}.part"
    with draft.open("wb") as file:
        file.write(event.encoded_dataset())
        file.flush()
        os.fsync(file.fileno())
    draft.rename(draft.with_suffix(".dcm"))
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return 0x0000


def main(folder: Path) -> None:
    """Receive until killed."""
    entity = AE("BARE")
    entity.supported_contexts = AllStoragePresentationContexts
    entity.maximum_associations = 20
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, _kept, [folder])])
    if server is None:
        sys.exit("the bare receiver did not start")
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
