"""Plans of more than one call: look at an answer first, then use it or ask a better route."""
