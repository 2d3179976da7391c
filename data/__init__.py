"""Read-only inputs of RadTune and the seeded generator that writes them."""
