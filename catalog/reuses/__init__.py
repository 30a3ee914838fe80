"""What people make of open and granted data, shown on the dataset once its department has agreed."""
