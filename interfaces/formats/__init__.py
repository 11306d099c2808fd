"""Answers as bytes: CSV, JSON, JSON lines, Arrow, Parquet; and as a table to look at."""
