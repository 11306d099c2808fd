"""What exists: sources, tables, columns, keys, relationships, views, and the project file."""
