"""Media files: the only room that opens one. Reads any file in the standard form, writes files, cuts windows.

probe (what is in a file), standard (any file -> 24 frames and 16,000 samples a second on one clock),
writer (encode), reader (a window of a standard-form file, fast). Leaves out: what is done with them.
"""
