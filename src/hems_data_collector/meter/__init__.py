"""The meter as its owner sees it: ask, listen, and turn properties into readings (docs/architecture.md, steps 4-6)."""
