"""What a ranking is worth.

In: `evidence.Evidence`. Out: a status and a confidence, and in words why (`reasons`, `explain`).
"""
