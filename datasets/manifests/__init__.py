"""Manifests as they come, read into the tables of a feed."""
