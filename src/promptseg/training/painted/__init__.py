"""Segmentation Click Train: a network that is told by clicks painted into the channels of the image."""
