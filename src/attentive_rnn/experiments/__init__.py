"""Experiments of many runs: comparison, tables, studies, fusion."""
