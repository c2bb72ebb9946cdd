"""Does the LiDAR still fit the camera? Depth steps of scans against edges of images."""
