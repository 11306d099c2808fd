"""The REST resources of the local org: a function each, from a call to a response."""
