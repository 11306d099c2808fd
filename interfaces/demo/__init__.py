"""The demo: a local org, two folders of files and one question over all three."""
