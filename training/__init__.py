"""From a label set to a policy folder."""
