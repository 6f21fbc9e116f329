package regions_test

import (
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/postgres/pgtest"
)

const typesSchema = `CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s, "fine"', 'größte');
CREATE TYPE pair AS (x int, y text);
CREATE DOMAIN positive AS numeric CHECK (value > 0);
CREATE DOMAIN deeper AS positive NOT NULL;
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE types (id int PRIMARY KEY, b bool, i2 smallint, i4 int, i8 bigint, r real, d double precision, n numeric, n2 numeric(30, 10),
  m money, t text, vc varchar(20), c char(5), nm name, by bytea, dt date, tm time, tmtz timetz, ts timestamp, tstz timestamptz(3), iv interval,
  bt bit(5), vb bit varying(9), e mood, j json, jb jsonb, u uuid, ip inet, ci cidr, mac macaddr, pt point, bx box, ia int[], ta text[], p pair,
  ra int4range, rt tstzrange, mr int4multirange, x xml, tsv tsvector, pos positive, "Odd ""name" text, o oid, pl polygon,
  gen int GENERATED ALWAYS AS (1 + 1) STORED);
CREATE TABLE kinds_of_keys (n numeric, c char(4), nc text COLLATE nocase, ts timestamptz, iv interval, v text, PRIMARY KEY (n, c, nc, ts, iv));
CREATE TABLE always (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text, other text UNIQUE);
CREATE TABLE fixed (id int PRIMARY KEY, number bigint GENERATED ALWAYS AS IDENTITY, v text);
CREATE TABLE onlykey (a int, b text, PRIMARY KEY (b, a));
CREATE TABLE parts (id int, day date, v text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE TABLE parts_2 PARTITION OF parts DEFAULT;
CREATE TABLE "Mixed Case" ("Key" text PRIMARY KEY, "a.b" text)`

// typesRows are edge values, one row for each kind of edge.
const typesRows = `SET search_path = app; SET timezone = 'America/St_Johns'; SET datestyle = 'German';
INSERT INTO types (id) VALUES (0);
INSERT INTO types VALUES (1, true, -32768, -2147483648, -9223372036854775808, '-0', 'NaN', 'NaN', -12345678901234567890.0123456789, '-92233720368547758.08',
  '', '', '', '', '', '-infinity', '00:00', '00:00:00+15:59', '-infinity', 'infinity', '-178000000 years', B'00000', B'', 'sad', '{"a":  1, "a":2}', '{"b":1e400}',
  '00000000-0000-0000-0000-000000000000', '::', '0.0.0.0/0', '00:00:00:00:00:00', '(0,0)', '(0,0),(1,1)', '{}', '{}', '(,)', 'empty', 'empty', '{}', '<a/>', '',
  0.0000000001, '', 0, '((0,0),(1,1),(2,0))');
INSERT INTO types VALUES (2, false, 32767, 2147483647, 9223372036854775807, 3.4028235e38, 4.9406564584124654e-324, 'Infinity', 12345678901234567890.0123456789,
  '92233720368547758.07', E'line\nbreak\ttab \\ '' " \u00e4 😀', 'x  ', 'ab', 'name', '\x00ff5c27', '5874897-12-31', '24:00:00', '23:59:59.999999-15:59',
  '294276-12-31 23:59:59.999999', '4713-01-01 00:00:00+00 BC', '1 year 2 mons -3 days 04:05:06.789', B'10101', B'101', 'it''s, "fine"', '[1, null, "\u00e4"]',
  '{"z": [1.10, {"y": null}], "a": "\\"}', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '2001:db8::1/64', '10.0.0.0/8', 'ff:ff:ff:ff:ff:ff', '(1e-300,-1e300)',
  '(1.5,2.5),(0,0)', '[2:3][1:2]={{1,2},{NULL,4}}', ARRAY['', 'NULL', NULL, '{"x"}', 'a,b', E'\\'], ROW(1, 'a"b,(c)'), '[1,10)', '(,2024-01-01 00:00+02]',
  '{[1,3),[5,)}', '<a>&amp;ö</a>', '''a b'':1A,2 ''c''', 1.50, 'odd', 4294967295, '((0,0),(1,1),(2,0.1))');
INSERT INTO types (id, r, d, tstz, iv, e, dt) VALUES (3, 1e-45, 0.1, '2024-03-10 02:30:00.1239 America/New_York', '-1 mon +1 day', 'größte', '0044-03-15 BC');
INSERT INTO types (id, b, e, jb, ia, p, n2, tstz, pos, c, by) SELECT 100 + k, true, 'ok', '{"a": 1}', '{1}', ROW(1, 'x')::pair, 1.5, now(), 3, 'c', '\x00'
  FROM generate_series(1, 70) k;
INSERT INTO kinds_of_keys VALUES (1.0, 'a', 'Key', '2024-01-01 00:00+00', '1 mon', 'one'), (2, 'b', 'other', 'infinity', '30 days', 'two');
INSERT INTO always (v, other) VALUES ('a', 'x'), ('b', 'y'), ('c', NULL);
INSERT INTO fixed (id, v) VALUES (1, 'a'), (2, 'b');
INSERT INTO onlykey VALUES (1, 'a'), (2, '');
INSERT INTO parts VALUES (1, '2024-01-31', 'x'), (2, '2030-01-01', 'y');
INSERT INTO "Mixed Case" VALUES ('k', 'v')`

// typesChanges are made in the other region.
const typesChanges = `SET search_path = app;
UPDATE types SET i2 = 1, t = coalesce(t, 'was null') || '+', ia = '{7,8}' WHERE id > 0;
UPDATE kinds_of_keys SET v = v || '!', n = 1.00, nc = 'KEY', iv = '30 days' WHERE v = 'one';
UPDATE kinds_of_keys SET n = 2.50 WHERE v = 'two';
BEGIN; UPDATE always SET other = NULL WHERE other = 'x'; UPDATE always SET other = 'x' WHERE other = 'y'; UPDATE always SET other = 'y' WHERE other IS NULL AND v = 'a'; COMMIT;
UPDATE fixed SET v = 'c', number = DEFAULT WHERE id = 2;
UPDATE onlykey SET b = 'z' WHERE b = '';
UPDATE parts SET day = '2024-01-01' WHERE id = 2;
UPDATE "Mixed Case" SET "a.b" = NULL`

// TestTypes sends edge values of the types through capture, log, network and apply, and back.
func TestTypes(t *testing.T) {
	engines := pgtest.Engines()
	if len(engines) == 0 {
		t.Skip("no PostgreSQL is installed: run make engines")
	}
	b := start(t, typesSchema+rarerSchema, engines[0], engines[len(engines)-1])
	tables := []string{"app.types", "app.kinds_of_keys", "app.always", "app.fixed", "app.onlykey", "app.parts", `app."Mixed Case"`,
		"app.rarer", "app.domains", "app.labelled", "app.computed", "app.regrouped"}
	b.regions[0].server.Exec(t, typesRows+rarerRows)
	b.awaitIdentical(t, time.Minute, tables...)
	b.regions[1].server.Exec(t, typesChanges+rarerChanges)
	b.awaitIdentical(t, time.Minute, tables...)
	b.requireNo(t, "dead_letter", "no_primary_key", "replica_identity")
	b.requireRarer(t)
	if got := b.regions[0].server.Query(t, "SELECT count(*) FROM app.types WHERE i2 = 1")[0]; got != "73" {
		t.Errorf("%s rows of types were changed in region a", got)
	}
}
