"""What the migrations of a generated project import; stands beside manage.py there and must not import its tests."""
