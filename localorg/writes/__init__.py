"""Records written a chunk at a time: checked by one question for all, written by one statement."""
