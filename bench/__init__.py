"""Measures costs, speed and sizes: `python -m bench`; `bench.cold_start` measures how functions start."""
