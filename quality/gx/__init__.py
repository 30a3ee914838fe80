"""The door to Great Expectations: nothing outside this package imports it, and only `door.opened()` loads it."""
