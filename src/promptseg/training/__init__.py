"""Training: recipes, the one loop, curricula of simulated prompts, losses."""
