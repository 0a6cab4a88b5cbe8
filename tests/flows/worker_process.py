"""A warm worker with toy flows as a process of its own: ``python -m tests.flows.worker_process POOL``."""

import sys
from pathlib import Path

from tests.flows.house import Listener

from vetflow.settings import Limits, Settings
from vetflow.worker.crew import crew
from vetflow.worker.run import serve

if __name__ == "__main__":
    settings = Settings(home=Path("unused"), limits=Limits(concurrent_cases=2))
    serve(sys.argv[1], crew(settings, cases=Listener, preload=["vetflow.worker.child", "tests.flows.toys"]))
