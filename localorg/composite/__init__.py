"""Several writes or requests in one call: collections, trees, composites and batches."""
