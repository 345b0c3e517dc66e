from django.conf import settings
from django.db import models


class Order(models.Model):
    """An order in shop_db; the customer is a row of default."""

    customer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="orders",
        db_constraint=False,  # no database can check a key that points into another one
    )
    total = models.DecimalField(max_digits=10, decimal_places=2)

    def __str__(self) -> str:
        return f"order {self.pk}"
