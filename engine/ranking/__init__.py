"""From a name and a catalogue to ranked candidates.

In: a `Query` and a `CatalogueIndex`. Out: `candidates.Candidates` with features and vetoes, and
`rank.Ranking` under some `weights.Weights`.
"""
