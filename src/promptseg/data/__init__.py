"""Simulated and public images for training, tests and studies."""
