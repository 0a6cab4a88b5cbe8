"""Children that can only compute, and the warm process they are forked from."""

from vetflow.adapters.sandbox.box import Answer, Function, Sandbox
from vetflow.adapters.sandbox.nursery import Child, Nursery

__all__ = ["Answer", "Child", "Function", "Nursery", "Sandbox"]
