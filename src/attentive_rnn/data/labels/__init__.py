"""Labels and parts of sequences as files tell them: tables beside the files, and columns of true and false."""
