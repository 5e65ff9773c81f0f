"""Models that turn prompts into masks, and the table of those that are known."""
