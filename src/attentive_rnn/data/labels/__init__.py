"""What tells the labels and parts of sequences: tables beside their files, and columns of true and false."""
