"""Endurance: thousands of damaged files, and processes killed at any moment."""
