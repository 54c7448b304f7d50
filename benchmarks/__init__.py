"""Benchmarks: our figures beside those of the peers, in one run, as ratios. `make bench` runs them all."""
