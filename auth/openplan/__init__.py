"""The yearly plan of what is to be opened: tasks, milestones, datasets, and how far it is (R36)."""
