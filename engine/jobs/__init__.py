"""Jobs: work that outlives the process that asked for it, done by a worker."""
