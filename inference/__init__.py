"""Scoring with onnxruntime: sessions, detectors, and the batch engine. Never imports torch."""
