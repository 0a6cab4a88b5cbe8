"""``python -m vetflow.worker``: serve this machine's site."""

import logging

from vetflow.settings import load
from vetflow.worker.run import run_worker

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    run_worker(load())
