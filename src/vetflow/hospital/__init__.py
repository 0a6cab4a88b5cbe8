"""A simulated site for demo, bench and tests: a modality, a PACS, a practice system."""
