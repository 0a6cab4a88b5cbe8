"""Pure translation of a result into JSON, for those who ask over REST; no sockets, no files."""
