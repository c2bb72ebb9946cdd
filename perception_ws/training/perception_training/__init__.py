"""Training of the small multi-task network of perception_core on simulated images."""
