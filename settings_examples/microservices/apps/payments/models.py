from django.db import models


class Payment(models.Model):
    """A payment in payment_service for an order in shop_service."""

    order = models.ForeignKey(
        "shop.Order",
        on_delete=models.PROTECT,
        related_name="payments",
        db_constraint=False,  # no database can check a key that points into another one
    )
    amount = models.DecimalField(max_digits=10, decimal_places=2)

    def __str__(self) -> str:
        return f"payment {self.pk}"
