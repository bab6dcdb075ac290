"""Training in several processes: those of torchrun and SLURM, or those of `--devices N`."""
