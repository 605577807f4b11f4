"""What the program remembers on disk."""
