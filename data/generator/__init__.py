"""Write the synthetic catalogue and the training files of nine sites."""
