"""What runs in the clients' environments is none of pytest's."""

collect_ignore_glob = ["*/program.py", "in_client/*"]
