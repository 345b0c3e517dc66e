from django.db import models


class PageView(models.Model):
    """How often a page was read on a day; in production the warehouse fills the table."""

    path = models.CharField(max_length=200)
    day = models.DateField()
    views = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.path} on {self.day}"
