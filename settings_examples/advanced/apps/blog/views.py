from django.http import HttpRequest, JsonResponse

from .models import Post


def posts(request: HttpRequest) -> JsonResponse:
    """Answer with every post and the name of its author, who lives in another database."""
    found = Post.objects.prefetch_related("author").order_by("pk")
    return JsonResponse({"posts": [{"title": post.title, "author": post.author.username} for post in found]})
