"""The schema of every store, and its way from one version to the next."""
