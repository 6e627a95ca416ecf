"""HTTP routes for programs, which app.py mounts beside the pages; off unless CUTOFF_API_TOKEN is set."""
