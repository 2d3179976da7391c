"""Benchmarks: commands that measure and write what they measured into ``docs/figures``."""
