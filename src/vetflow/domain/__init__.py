"""The words of veterinary imaging and the decisions made with them; no framework, no network."""
