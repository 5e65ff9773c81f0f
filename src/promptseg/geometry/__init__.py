"""Frames, regions, distances and boxes: plain numpy, no torch."""
