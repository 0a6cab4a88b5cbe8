"""Synthetic dogs and their radiographs, with exact truth; needs the ``train`` extra."""
