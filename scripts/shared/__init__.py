"""What verbs share: options, output, progress, signals.

In: what the user gave. Out: lines on the terminal. Private to `scripts`.
"""
