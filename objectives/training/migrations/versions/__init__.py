"""One file a revision of the tables of training sessions."""
