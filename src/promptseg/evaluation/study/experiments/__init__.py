"""The experiments of the study, one file each: every one turns a scene into evaluations."""
