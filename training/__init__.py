"""Making detectors: generate, fit, calibrate, export, and build a bundle."""
