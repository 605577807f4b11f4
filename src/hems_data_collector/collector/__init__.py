"""The daemon's own work: when to poll, what a poll becomes, and how records reach every output."""
