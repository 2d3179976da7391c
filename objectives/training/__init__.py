"""Training runs that are kept in a database and go on after a stop.

In: files of cases. Out: `framework.TrainingMetrics`, a session in the database.
"""
