"""The built-in bundle, trained on generated data only."""
