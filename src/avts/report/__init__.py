"""The only place that words or draws a result: lines and tables for terminals, plots, one HTML page."""
