"""Children that can only compute, and the warm process they are forked from."""

from vetflow.adapters.sandbox.box import ENTRY, Answer, Function, Sandbox
from vetflow.adapters.sandbox.cradle import adopt, nursery
from vetflow.adapters.sandbox.nurseries import Child, Nursery

__all__ = ["ENTRY", "Answer", "Child", "Function", "Nursery", "Sandbox", "adopt", "nursery"]
