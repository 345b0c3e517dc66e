"""
The proof that ``migrate_all`` leaves behind what ``migrate --database X`` for each X leaves behind.

``generate`` writes a project from a seed, out of the ``stories`` that models live through; ``dumps`` reads a database
whole; ``sites`` lends the databases of a side; ``trial`` runs both sides and compares them; ``appsets`` are projects of
real apps. ``support`` is copied into every generated project: what its migrations import.
"""
