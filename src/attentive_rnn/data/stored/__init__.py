"""Sets that need not fit into memory: sequences made when they are asked for, and their storage in mapped files."""
