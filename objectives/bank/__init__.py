"""The facts about cases, computed once, and judged with any weights.

In: cases and a catalogue. Out: `feature_bank.FeatureBank`, labelled and laid out for trials.
"""
