"""
Migrates every database of the project in one go.

``plan`` decides what runs where, ``connection`` reaches the databases, ``author`` makes migrations, ``pending`` says
what is left to do, ``run`` does it, ``report`` shows it; ``session`` puts them together for the commands.

The folder is not called ``migrations``: Django would take its modules for the migrations of the app ``dbroute``.
"""
