"""What decisions are worth, and the calibration that they rest on.

In: labelled cases and weights. Out: coverage, errors, bounds; a fitted `Calibration`.
"""
