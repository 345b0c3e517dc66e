from django.conf import settings
from django.db import models


class Post(models.Model):
    """A post in blog_db; its author is a row of default."""

    title = models.CharField(max_length=200)
    content = models.TextField(blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="blog_posts",
        db_constraint=False,  # no database can check a key that points into another one
    )

    class Meta:
        db_table = "blog_post"

    def __str__(self) -> str:
        return self.title
