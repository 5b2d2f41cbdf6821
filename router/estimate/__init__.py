"""From a request to P(correct), tokens and seconds on every route. Inference only."""
