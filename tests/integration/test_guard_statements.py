import pytest

from dbroute.django.statements import Write, find_write


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "SELECT 1",
        "select * from blog_post for update",
        "(SELECT 1) UNION (SELECT 2)",
        "SELECT ';DELETE FROM x'",
        "SELECT 'it''s'; SELECT 'delete'",
        "SELECT $$;delete from x$$; SELECT $tag$;delete from x$tag$",
        "SELECT a #> '{b}' FROM c",
        "WITH a AS (SELECT replace(b, 1, 2) FROM c) SELECT * FROM a FOR UPDATE",
        'SAVEPOINT "s1"',
        'RELEASE SAVEPOINT "s1"',
        "BEGIN",
        "SET default_transaction_read_only = off",
        "SHOW x",
        "PRAGMA foreign_keys",
        "DECLARE c CURSOR FOR SELECT 1",
        "EXPLAIN DELETE FROM t",
        "EXPLAIN ANALYZE SELECT 1",
        "COPY t TO STDOUT",
        "COPY (SELECT a FROM b) TO STDOUT",
    ],
)
def test_statement_that_reads_or_sets_passes(sql):
    assert find_write(sql) is None


@pytest.mark.parametrize(
    ("sql", "verb", "table"),
    [
        ('INSERT INTO "blog_post" ("a") VALUES (1)', "INSERT", "blog_post"),
        ("insert or ignore into public.blog_post values (1)", "INSERT", "blog_post"),
        ('INSERT INTO "public"."a ""b""" VALUES (1)', "INSERT", 'a "b"'),
        ("INSERT INTO [odd table] VALUES (1)", "INSERT", "odd table"),
        ("/* why */ -- really\n UPDATE `t` SET a=1", "UPDATE", "t"),
        ("/* a /* b */ */ DELETE FROM t", "DELETE", "t"),
        ("/*!50001 DELETE FROM t */", "DELETE", "t"),
        ("# mysql\nDELETE FROM t", "DELETE", "t"),
        ("UPDATE ONLY t SET a=1", "UPDATE", "t"),
        ("DELETE `t` FROM `t` INNER JOIN x", "DELETE", "t"),
        ("REPLACE INTO t VALUES (1)", "REPLACE", "t"),
        ("MERGE INTO t USING x ON a = b WHEN MATCHED THEN DELETE", "MERGE", "t"),
        ('TRUNCATE "a", "b"', "TRUNCATE", "a"),
        ("WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a", "DELETE", "t"),
        ("WITH a AS (SELECT 1) UPDATE t SET b=1", "UPDATE", "t"),
        ("WITH x(a) AS (SELECT 1) INSERT INTO t SELECT a FROM x", "INSERT", "t"),
        ("EXPLAIN (ANALYZE, BUFFERS) UPDATE t SET a=1", "UPDATE", "t"),
        ("COPY t FROM STDIN", "COPY", "t"),
        ("SELECT 1; DROP TABLE IF EXISTS t", "DROP", "t"),
        ("select $$;delete from x$$; delete from y", "DELETE", "y"),
        ('CREATE UNIQUE INDEX "i" ON "t" ("a")', "CREATE", "t"),
        ("DROP INDEX IF EXISTS i", "DROP", "i"),
        ('ALTER TABLE ONLY "s"."t" ADD x', "ALTER", "t"),
        ("COMMENT ON TABLE t IS 'x'", "COMMENT", "t"),
        ("VACUUM", "VACUUM", ""),
    ],
)
def test_statement_that_writes_is_found_with_its_table(sql, verb, table):
    assert find_write(sql) == Write(verb, table)
