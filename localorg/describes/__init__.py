"""The object descriptions the local org ships; `SOURCES.md` says where each comes from."""
