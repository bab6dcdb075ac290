"""Speed of the EleAtt layers against torch's own, measured fairly: see `python -m benchmarks.bench --help`."""
