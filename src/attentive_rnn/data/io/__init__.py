"""Files, archives, arrays and pickles, read without trust."""
