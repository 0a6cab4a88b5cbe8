"""The process tree of one machine: who starts, watches, restarts and stops the parts."""
