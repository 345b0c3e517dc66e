from django.db import migrations


def add_tags(apps, schema_editor):
    apps.get_model("blog", "Tag").objects.create(name="first")


def add_product(apps, schema_editor):
    apps.get_model("shop", "Product").objects.create(name="made by blog")


class Migration(migrations.Migration):
    dependencies = [("blog", "0001_initial"), ("shop", "0001_initial")]

    operations = [
        migrations.RunPython(add_tags, migrations.RunPython.noop),
        migrations.RunPython(add_product, migrations.RunPython.noop, hints={"target_db": "default"}),
    ]
