"""Whether the best of a study is truly better, on sites it was not tuned on.

In: two sets of weights and the gate's cases. Out: a verdict, in figures and in words.
"""
