from django.contrib.auth.models import User

from tests.integration.apps.blog.models import Post


class Person(User):
    class Meta:
        proxy = True


class Teaser(Post):
    """A proxy whose app is at home elsewhere than its concrete model."""

    class Meta:
        proxy = True
