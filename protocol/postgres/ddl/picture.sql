SELECT pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
  'kind', c.relkind::text, 'schema', n.nspname, 'name', c.relname, 'owner', pg_catalog.pg_get_userbyid(c.relowner), 'persistence', c.relpersistence::text,
  'options', c.reloptions, 'typed', nullif(c.reloftype <> 0, false), 'partition_key', CASE WHEN c.relkind = 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) END,
  'bound', pg_catalog.pg_get_expr(c.relpartbound, c.oid),
  'parents', (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('schema', pn.nspname, 'table', p.relname) ORDER BY h.inhseqno) FROM pg_catalog.pg_inherits h
    JOIN pg_catalog.pg_class p ON p.oid = h.inhparent JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace WHERE h.inhrelid = c.oid AND c.relkind IN ('r', 'p')),
  'partitions', (SELECT pg_catalog.jsonb_agg(k.oid::bigint ORDER BY k.oid) FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class k ON k.oid = h.inhrelid
    WHERE h.inhparent = c.oid AND c.relkind = 'p'),
  'columns', (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('number', a.attnum, 'name', a.attname, 'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
      'domain', nullif(t.typtype = 'd', false), 'not_null', nullif(a.attnotnull, false), 'default', pg_catalog.pg_get_expr(d.adbin, d.adrelid),
      'generated', nullif(a.attgenerated::text, ''), 'identity', nullif(a.attidentity::text, ''), 'start', s.seqstart, 'increment', s.seqincrement,
      'collation', CASE WHEN a.attcollation <> t.typcollation THEN pg_catalog.quote_ident(ln.nspname) || '.' || pg_catalog.quote_ident(l.collname) END) ORDER BY a.attnum)
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation LEFT JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace
    LEFT JOIN pg_catalog.pg_depend o ON a.attidentity <> '' AND o.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND o.refobjid = c.oid AND o.refobjsubid = a.attnum
      AND o.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND o.deptype = 'i'
    LEFT JOIN pg_catalog.pg_sequence s ON s.seqrelid = o.objid
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v')),
  'constraints', (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('name', k.conname, 'kind', k.contype::text, 'definition', pg_catalog.pg_get_constraintdef(k.oid),
      'deferrable', nullif(k.condeferrable, false)) ORDER BY k.conname)
    FROM pg_catalog.pg_constraint k WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u', 'c', 'f', 'x')),
  'definition', CASE WHEN c.relkind = 'v' THEN pg_catalog.pg_get_viewdef(c.oid) WHEN c.relkind IN ('i', 'I') THEN pg_catalog.pg_get_indexdef(c.oid) END,
  'unique', nullif(i.indisunique, false), 'invalid', nullif(NOT i.indisvalid, false),
  'backs', (SELECT true FROM pg_catalog.pg_constraint k WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x') LIMIT 1),
  'on', (SELECT pg_catalog.jsonb_build_object('schema', tn.nspname, 'table', t.relname) FROM pg_catalog.pg_class t JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
    WHERE t.oid = i.indrelid)))
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'i', 'I', 'f', 'S') AND
