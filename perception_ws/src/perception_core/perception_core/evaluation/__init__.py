"""How good it is: scores of ground, clusters and boxes against exact truth. Arrays in, numbers out."""
