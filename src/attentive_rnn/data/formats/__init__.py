"""Readers of general file formats."""
