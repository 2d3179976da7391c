"""Read catalogues.

In: a file. Out: `engine.catalogue.rows.CatalogueRow`.
"""
