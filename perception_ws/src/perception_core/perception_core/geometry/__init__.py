"""Rigid transforms, camera models and oriented boxes; plain NumPy, SI units, REP-103 axes."""
