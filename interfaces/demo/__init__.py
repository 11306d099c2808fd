"""The demo: a local org, two folders of files and two questions over all three."""
