"""Use cases, one flow a module."""
