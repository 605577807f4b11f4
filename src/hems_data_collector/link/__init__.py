"""The way to one meter: a port, the modem on it, and the session that carries datagrams (docs/architecture.md)."""
