"""Weights and grades of the score by GB/T 36344 as versioned data of the installation, put in force by two people."""
