"""What a grant allows, as one frozen document, and the rules that read it."""
