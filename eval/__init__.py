"""What a policy would decide and what that is worth: decisions over held-out queries, frontiers, comparisons."""
