"""One thin entry point per verb: parse arguments, call one function, print."""
