"""Leave cover: a decider names a deputy for a period and a scope, and the two count as one person."""
