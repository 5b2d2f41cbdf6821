"""Whether a candidate has proved itself: evidence, intervals that may be looked at at any time, and the verdict."""
