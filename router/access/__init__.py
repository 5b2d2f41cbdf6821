"""Keys of callers: made, kept, checked. Who may do what, and for which tenant."""
