"""Decisions and outcomes in SQL, and the ways there."""
