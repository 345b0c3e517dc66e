SECRET_KEY = "bake-off"
INSTALLED_APPS = ["django.contrib.contenttypes"]

import dbroute.django  # noqa: E402, F401  # isort: skip
