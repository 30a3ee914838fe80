"""The forms of files that leave: what each is called, what it can hold, and how it is written and read back."""
