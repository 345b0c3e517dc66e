from django.conf import settings
from django.http import HttpRequest, JsonResponse

from .models import Post


def posts(request: HttpRequest) -> JsonResponse:
    """Answer with the first posts and the names of their authors, who live in another database."""
    found = Post.objects.prefetch_related("author").order_by("pk")[: settings.POSTS_PER_PAGE]
    return JsonResponse({"posts": [{"title": post.title, "author": post.author.username} for post in found]})
