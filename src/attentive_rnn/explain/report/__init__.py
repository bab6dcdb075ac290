"""Report of a run in one page: its template, its charts and its player."""
