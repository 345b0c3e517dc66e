from django.db import models


class Product(models.Model):
    name = models.CharField(max_length=50)


class Order(models.Model):
    number = models.IntegerField()
