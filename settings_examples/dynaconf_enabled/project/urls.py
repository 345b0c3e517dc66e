"""One page: the posts as JSON."""

from django.urls import path

from apps.blog.views import posts

urlpatterns = [path("", posts)]
