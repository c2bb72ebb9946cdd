"""What is wrong with a rig or a recording of it, and how to mend it."""
