"""How sources are read. One folder a kind of source; the contract is in `contract`."""
