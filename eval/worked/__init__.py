"""The worked examples of the guide, recomputed with our calculators: one row per figure, agreeing or not."""
