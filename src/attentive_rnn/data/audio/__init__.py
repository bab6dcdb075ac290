"""Sounds: readers of recordings, and the features of their frames."""
