"""Ways to log in to the local org, and the sessions they give."""
