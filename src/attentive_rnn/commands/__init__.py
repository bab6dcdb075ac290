"""Subcommands of `attentive` that stand on their own; cli.py puts them together."""
