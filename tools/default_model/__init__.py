"""How the embedded default model is made: split, data, prompts, losses, training, evaluation."""
