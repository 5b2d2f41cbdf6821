"""Every dollar: who pays, what may be spent, what was, what it will be, and what is odd about it."""
