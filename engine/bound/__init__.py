"""DuckDB's bound expressions, as its plans write them out, and what they imply for the rows."""
