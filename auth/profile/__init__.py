"""The policy profile in force: what a place asks for beyond the law, as versioned data that two people put in force."""
