"""What comes in and goes out: catalogues, lists of names, maps."""
