"""Long tables: the roles of their columns, and the frames of their sequences."""
