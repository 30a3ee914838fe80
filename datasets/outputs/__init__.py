"""Output review (出域审核): a finished file waits until other people have looked at it and let it go, or refused it."""
