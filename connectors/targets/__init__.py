"""Where copies are kept. One module a kind of target; the contract is in `contract`."""
