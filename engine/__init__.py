"""SQL in, Arrow out: guard, resolve, plan, scan, run, result."""
