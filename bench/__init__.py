"""Load and growth benchmarks: `python -m bench`."""
