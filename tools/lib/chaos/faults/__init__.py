"""faults -- what can be broken, a file a family. Each fault injects, heals, and says what was seen of it."""
