"""Copies of tables and queries in other stores, kept up run by run."""
