"""The warm Prefect worker: runs start in children that have imported everything already."""

from vetflow.worker.warm import WarmWorker

__all__ = ["WarmWorker"]
