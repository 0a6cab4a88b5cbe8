"""The verbs all flows share; each task is one port call and one policy."""
