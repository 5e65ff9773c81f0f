"""Judging predictions against references: pairing of files, scores, summaries."""
