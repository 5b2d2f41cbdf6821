"""Shadow traffic: what a candidate would have decided, beside what was decided, and what came of both."""
