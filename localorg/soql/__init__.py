"""SOQL, Salesforce's query language: read, checked, run on DuckDB, answered as JSON."""
