"""Training of the networks: its own extra, never imported by `src/`."""
