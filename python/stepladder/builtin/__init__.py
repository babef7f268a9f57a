"""Everything stepladder ships, registered through the hooks that plugins use."""
