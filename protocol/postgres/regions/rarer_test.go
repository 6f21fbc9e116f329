package regions_test

import (
	"slices"
	"testing"
)

// rarerSchema has the types that typesSchema lacks, those of extensions and of users too. Generated columns are virtual where the server has that, and one table is cut into partitions
// by another rule in each version: regions may have different ones.
const rarerSchema = `;
CREATE EXTENSION hstore SCHEMA app; CREATE EXTENSION citext SCHEMA app; CREATE EXTENSION ltree SCHEMA app;
CREATE TYPE span AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE TYPE nested AS (p pair, m mood, d positive, l int[]);
CREATE TABLE rarer (id int PRIMARY KEY, ln line, sg lseg, pa path, ci circle, m8 macaddr8, tq tsquery, jp jsonpath, r8 int8range, rn numrange, rs tsrange, rd daterange,
  m8r int8multirange, mn nummultirange, ms tsmultirange, mt tstzmultirange, md datemultirange, ch "char", ls pg_lsn, x8 xid8, b1 bit, bv bit varying, bc bpchar,
  t0 time(0), tz2 timetz(2), s0 timestamp(0), ivd interval day to second(3), ivy interval year to month, n0 numeric(5,-2), n3 numeric(3,5),
  ea mood[], pr pair[], doa positive[], na numeric[], ba bool[], bya bytea[], ja jsonb[], ua uuid[], tza timestamptz[], iva interval[], ta text[][],
  sp span, spm span_multirange, ne nested, nea nested[], hs hstore, ct citext, lt ltree, oa oidvector, i2v int2vector, snap pg_snapshot);
CREATE TABLE domains (id int PRIMARY KEY, d deeper);
CREATE TABLE labelled (code citext PRIMARY KEY, at ltree UNIQUE);
DO $$ DECLARE new bool := current_setting('server_version_num')::int >= 180000; BEGIN
  EXECUTE 'CREATE TABLE computed (twice int GENERATED ALWAYS AS (n * 2) ' || CASE WHEN new THEN 'VIRTUAL' ELSE 'STORED' END || ', id int PRIMARY KEY, n int, loud text GENERATED ALWAYS AS (upper(v)) STORED, v text)';
  EXECUTE 'CREATE TABLE regrouped (id int, day date, v text, PRIMARY KEY (id, day)) PARTITION BY ' || CASE WHEN new THEN 'LIST (id)' ELSE 'RANGE (day)' END;
  IF new THEN
    CREATE TABLE regrouped_1 PARTITION OF regrouped FOR VALUES IN (1, 2); CREATE TABLE regrouped_2 PARTITION OF regrouped DEFAULT;
  ELSE
    CREATE TABLE regrouped_1 PARTITION OF regrouped FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
    CREATE TABLE regrouped_2 PARTITION OF regrouped DEFAULT PARTITION BY HASH (id);
    CREATE TABLE regrouped_2a (v text, day date NOT NULL, gone int, id int NOT NULL); ALTER TABLE regrouped_2a DROP gone;
    ALTER TABLE regrouped_2 ATTACH PARTITION regrouped_2a FOR VALUES WITH (MODULUS 1, REMAINDER 0);
  END IF;
END $$`

const rarerRows = `;
INSERT INTO rarer (id) VALUES (0);
INSERT INTO rarer VALUES (1, '{1,-1,0}', '[(0,0),(1e-300,1)]', '[(0,0),(1,1),(2,0)]', '<(0,0),0>', '00:00:00:00:00:00:00:00', '', '$', 'empty', 'empty', 'empty', 'empty',
  '{}', '{}', '{}', '{}', '{}', '', '0/0', '0', B'0', B'', '', '00:00', '00:00+15:59', '-infinity', '-3 days -00:00:00.001', '-1 mon', -99900, -0.00999,
  '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', 'empty', '{}', '(,,,)', '{}', '', '', '', '', '', '10:10:');
INSERT INTO rarer VALUES (2, '{0.1,2,3}', '[(1,2),(3,4)]', '((0,0),(1,1.5),(2,0))', '<(1.5,-2),0.1>', '08:00:2b:01:02:03:04:05', '''fat a'':AB & !( cat:* | ''d''''q'' ) <3> x', 'strict $."a b"[*] ? (@.c > 1.50 && @ like_regex "^x" flag "i")',
  '[-9223372036854775808,9223372036854775806)', '(1.50,]', '["2024-01-01 00:00:00.000001",infinity)', '(,2024-02-29]',
  '{[1,3),[5,9)}', '{(,1.10],[2,)}', '{[2024-01-01,2024-02-01)}', '{[2024-01-01 00:00+00,)}', '{[0044-01-01 BC,2024-01-01)}', E'\\377', 'FFFFFFFF/FFFFFFFF', '18446744073709551615', B'1', B'010', ' x  ',
  '23:59:59.9', '23:59:59.999-15:59', '2024-02-29 23:59:59.4', '3 days 04:05:06.7894', '178000000 years', 12345, 0.00999,
  '{sad,"it''s, \"fine\"",NULL}', ARRAY[ROW(1, 'a"b,(c)')::pair, NULL], '{1.50,2}', '[-1:0]={NaN,Infinity}', '{t,NULL,f}', ARRAY['\x00ff'::bytea, ''], ARRAY['{"a": 1e400}'::jsonb, 'null'], ARRAY['ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid],
  '{infinity,"2024-03-10 02:30:00.123456+00"}', '{"1 mon -2 days","00:00:00.000001"}', '{{a,NULL},{"NULL",""}}', '[4.9e-324,1.7976931348623157e308]', '{[0.1,0.2),[NaN,NaN]}',
  ROW(ROW(7, ''), 'größte', 1.50, '{1,NULL}'), ARRAY[ROW(ROW(NULL, E'\\')::pair, NULL, NULL, NULL)::nested], 'a=>1, "b c"=>NULL, "\"q\""=>""', 'ÄbC', 'Top.Sub_1.x', '1 4294967295', '1 -32768', '10:20:10,14,15');
INSERT INTO domains VALUES (1, 0.10), (2, 'NaN');
INSERT INTO labelled VALUES ('Abc', 'a.b'), ('x', NULL);
INSERT INTO computed (id, n, v) VALUES (1, 1, 'a'), (2, NULL, NULL), (3, -5, 'ß');
INSERT INTO regrouped VALUES (1, '2024-01-31', 'x'), (2, '2024-02-01', 'y'), (3, '2024-01-05', 'z'), (4, '2025-01-01', 'd')`

// rarerChanges are made in the other region.
const rarerChanges = `;
UPDATE rarer SET ct = coalesce(ct, '') || '!', ne.l = '{9}' WHERE id > 0;
UPDATE domains SET d = d + 1 WHERE id = 1; DELETE FROM domains WHERE id = 2;
UPDATE labelled SET code = 'aBC', at = 'c.d' WHERE code = 'abc';
UPDATE computed SET n = n + 1, v = v || 'b'; DELETE FROM computed WHERE id = 2; INSERT INTO computed (id, n, v) VALUES (4, 4, 'new');
UPDATE regrouped SET v = v || '!'; UPDATE regrouped SET day = '2024-01-06' WHERE id = 4; UPDATE regrouped SET id = 5 WHERE id = 1; DELETE FROM regrouped WHERE id = 3`

// requireRarer: what regions compute, and how they are cut into partitions, is their own; the rows are the same.
func (b *bed) requireRarer(t *testing.T) {
	t.Helper()
	for _, r := range b.regions {
		for query, want := range map[string][]string{
			"SELECT concat_ws(' ', id, n, twice, v, loud) FROM app.computed ORDER BY id":              {"1 2 4 ab AB", "3 -4 -8 ßb ßB", "4 4 8 new NEW"},
			"SELECT concat_ws(' ', id, to_char(day, 'YYYY-MM-DD'), v) FROM app.regrouped ORDER BY id": {"2 2024-02-01 y!", "4 2024-01-06 d!", "5 2024-01-31 x!"},
			"SELECT code || ' ' || coalesce(at::text, '-') FROM app.labelled ORDER BY code":           {"aBC c.d", "x -"},
			"SELECT (ne).l::text || ' ' || ct FROM app.rarer WHERE id = 2":                            {"{9} ÄbC!"},
			"SELECT d::text FROM app.domains":                                                         {"1.10"},
		} {
			if got := r.server.Query(t, query); !slices.Equal(got, want) {
				t.Errorf("region %s: %s: %q, want %q", r.name, query, got, want)
			}
		}
	}
}
