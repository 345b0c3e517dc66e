from django.db import models


class Visit(models.Model):
    page = models.CharField(max_length=50)
    seen = models.ManyToManyField("self", blank=True)
