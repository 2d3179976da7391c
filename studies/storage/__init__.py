"""Studies and trials in a database, and who may write them.

In: an SQLAlchemy URL. Out: trials, studies, their queue and their owner.
"""
