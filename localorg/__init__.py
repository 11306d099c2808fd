"""A Salesforce-compatible server for tests and demos. Knows nothing of the other rooms."""
