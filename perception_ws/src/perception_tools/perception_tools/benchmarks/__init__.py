"""Speed figures with a peer in the same run: absolute milliseconds wander, ratios hold."""
