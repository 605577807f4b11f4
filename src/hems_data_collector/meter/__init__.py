"""The meter as its owner sees it: ask, listen, and turn properties into readings (DESIGN §4, steps 4-6)."""
