"""Image analysis on pixels alone: numpy and scipy, no framework."""
