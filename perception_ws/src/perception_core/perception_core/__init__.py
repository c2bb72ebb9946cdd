"""Camera and LiDAR perception without ROS: NumPy arrays in, tracked obstacles out."""

__version__ = "0.1.0"
