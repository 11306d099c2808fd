"""Bulk API 1.0: jobs whose batches their client makes itself, in XML, JSON or CSV."""
