"""The rows of a catalogue, laid out for comparison with one name at a time.

In: `rows.CatalogueRow`. Out: `index.CatalogueIndex`.
"""
