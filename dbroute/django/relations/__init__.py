"""Relations that cross databases."""
