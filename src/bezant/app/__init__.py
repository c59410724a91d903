"""The composition root: the only place that names concrete stores, rails and dialects.

``store`` opens the database, which is all that most commands need; ``gateway`` puts the rest around it.
"""
