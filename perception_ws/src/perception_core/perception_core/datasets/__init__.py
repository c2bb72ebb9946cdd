"""Reading what others recorded: calibration folders and the KITTI benchmark; files in, columns out."""
