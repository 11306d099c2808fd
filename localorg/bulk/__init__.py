"""Bulk API 2.0 query jobs: what they refuse, how they run, and their results as CSV."""
