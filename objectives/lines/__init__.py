"""The exact objective along straight lines through the coefficients (Och, 2003).

In: weights, a direction, cases. Out: the value in every interval of the line.
"""
