"""Pictures of a moment and charts of a run, as PNG files."""
