"""The ways in beside Python: the command line, and what later issues add."""
