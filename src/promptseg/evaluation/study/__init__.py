"""The experimental study of promptable segmentation: one recipe, one table, one report."""
