"""The app of the benchmark for orphans: posts in one database, their authors in another."""
