"""What knows nothing of radiology: files, locks, hashes, caches, masking, functions over parts.

In: paths and plain values. Out: the same, or a `support.errors.RadTuneError`.
"""
