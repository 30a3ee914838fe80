"""Time: the clocks of an application's stages, what is overdue, who is told, and the three rates of keeping time."""
