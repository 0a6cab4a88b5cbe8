"""``python -m vetflow.hospital FOLDER``: a PACS and a practice system until the process is told to stop."""

import argparse
import signal
import threading
from pathlib import Path
from types import FrameType

from vetflow.hospital.pacs import HospitalPacs
from vetflow.hospital.practice import Practice


def main() -> None:
    """Run both on loopback; what they get lies under ``pacs`` and ``practice`` of the folder."""
    parser = argparse.ArgumentParser(description="A simulated site: a PACS and a practice system.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pacs-port", type=int, default=11113)
    parser.add_argument("--practice-port", type=int, default=2575)
    asked = parser.parse_args()
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    for wanted in (signal.SIGTERM, signal.SIGINT):
        signal.signal(wanted, end)
    pacs = HospitalPacs(asked.folder / "pacs", port=asked.pacs_port)
    practice = Practice(asked.folder / "practice", port=asked.practice_port)
    with pacs, practice:
        ended.wait()


if __name__ == "__main__":
    main()
