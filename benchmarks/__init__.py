"""Benchmarks: how fast, how small, how flat; side by side with SimPy and SimFaaS in one run.

``python -m benchmarks`` (``make bench``) prints one table. Nothing here is a test: times depend on
the machine and on who else uses it, so what counts are ratios of quiet minima in the same run.
"""
