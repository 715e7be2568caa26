"""Endurance: thousands of damaged files and processes killed at any moment; nothing may end, hang, swell or be half written."""
