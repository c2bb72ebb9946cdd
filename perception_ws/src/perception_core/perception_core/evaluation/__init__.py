"""How good it is: scores of ground, clusters, boxes and tracks against exact truth. Arrays in, numbers out.

Start at :mod:`perception_core.evaluation.evaluate`.
"""
