"""The connector for files on any fsspec filesystem."""
