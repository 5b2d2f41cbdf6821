"""A stored answer for a request, where it is likely enough to be right: finding, deciding, learning, keeping."""
