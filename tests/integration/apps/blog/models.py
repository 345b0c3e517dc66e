from django.conf import settings
from django.db import models


class TagManager(models.Manager):
    def get_by_natural_key(self, name):
        return self.get(name=name)


class Tag(models.Model):
    name = models.CharField(max_length=50, unique=True)
    # A tag may follow another one that the fixture brings later.
    parent = models.ForeignKey("self", models.SET_NULL, null=True, blank=True)

    objects = TagManager()

    def natural_key(self):
        return (self.name,)


class Post(models.Model):
    title = models.CharField(max_length=200)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, db_constraint=False, related_name="blog_posts"
    )
    tags = models.ManyToManyField(Tag, blank=True)


class Headline(Post):
    class Meta:
        proxy = True


class BlogPostComment(models.Model):
    post = models.ForeignKey(Post, models.CASCADE, related_name="comments")
    text = models.TextField()
