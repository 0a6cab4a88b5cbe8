"""The speed tables: every row against a named peer in the same run."""
