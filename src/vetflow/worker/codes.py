"""Exit codes between a child and its worker."""

OUT_OF_MEMORY = 77
