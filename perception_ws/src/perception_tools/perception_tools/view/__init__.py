"""One scan with what the LiDAR path makes of it, as a picture or in a window."""
