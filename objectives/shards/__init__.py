"""What is asked of cases, here or in shards that stay with compute workers.

In: a `questions.Question`. Out: integers that add up over shards.
"""
