"""What the lifecycle nodes share: parameters, stamps, transforms, statistics, diagnostics, start and end."""
