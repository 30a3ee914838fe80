"""What enterprises build on their grants, what they charge for it, and the caps that their prices keep to."""
