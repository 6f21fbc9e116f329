-- Octant: event triggers that tell the relay what is done to definitions. Run it as a superuser, in the database of database.url. It may be run again.
-- Everything belongs to who runs it: what superusers run must not be the relay's to change.
BEGIN;
CREATE SCHEMA IF NOT EXISTS octant_definitions;
CREATE TABLE IF NOT EXISTS octant_definitions.known (relation oid PRIMARY KEY, picture jsonb NOT NULL);
CREATE TABLE IF NOT EXISTS octant_definitions.seal (seal text PRIMARY KEY);
CREATE TABLE IF NOT EXISTS octant_definitions.published (publication text, of_schema text, of_table text, excluded boolean NOT NULL, PRIMARY KEY (of_schema, of_table, excluded, publication));
INSERT INTO octant_definitions.seal SELECT pg_catalog.gen_random_uuid()::text || pg_catalog.gen_random_uuid()::text WHERE NOT EXISTS (SELECT FROM octant_definitions.seal);
COMMENT ON SCHEMA octant_definitions IS 'Octant: what the relay is told of definitions';

CREATE OR REPLACE FUNCTION octant_definitions.picture(relation oid) RETURNS jsonb LANGUAGE sql STABLE {{settings}} AS $octant$
{{picture}}
$octant$;

CREATE OR REPLACE FUNCTION octant_definitions.tell(content jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER {{settings}} AS $octant$
DECLARE
  told text := (content || jsonb_build_object('xid', pg_current_xact_id()::text::numeric % 4294967296))::text;
BEGIN
  PERFORM pg_logical_emit_message(true, 'octant.definition', encode(sha256(convert_to((SELECT seal FROM octant_definitions.seal LIMIT 1) || told, 'UTF8')), 'hex') || told);
END
$octant$;

-- keep takes a relation's picture, and those of its partitions and children, and returns what it was before.
CREATE OR REPLACE FUNCTION octant_definitions.keep(changed oid) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER {{settings}} AS $octant$
DECLARE
  before jsonb;
BEGIN
  SELECT k.picture INTO before FROM octant_definitions.known k WHERE k.relation = changed;
  INSERT INTO octant_definitions.known AS k
  SELECT o.oid, o.picture FROM (
    WITH RECURSIVE below(oid) AS (SELECT changed UNION SELECT h.inhrelid FROM below JOIN pg_inherits h ON h.inhparent = below.oid)
    SELECT f.oid, octant_definitions.picture(f.oid) AS picture
    FROM (SELECT below.oid FROM below UNION SELECT h.inhparent FROM pg_inherits h WHERE h.inhrelid = changed) f) o
  WHERE o.picture IS NOT NULL
  ON CONFLICT (relation) DO UPDATE SET picture = excluded.picture WHERE k.picture <> excluded.picture;
  RETURN before;
END
$octant$;

-- publish has a new table's rows in the log from its first one on.
CREATE OR REPLACE FUNCTION octant_definitions.publish(made jsonb) RETURNS void LANGUAGE plpgsql SECURITY DEFINER {{settings}} AS $octant$
DECLARE
  name text;
BEGIN
  IF made ->> 'kind' NOT IN ('r', 'p') OR made ? 'bound' OR made ->> 'persistence' <> 'p'
    OR NOT jsonb_path_exists(made, '$.constraints[*] ? (@.kind == "p" && !exists(@.deferrable))') THEN
    RETURN;
  END IF;
  FOR name IN SELECT p.pubname FROM pg_publication p WHERE NOT p.puballtables
    AND EXISTS (SELECT FROM octant_definitions.published s WHERE s.publication = p.pubname AND NOT s.excluded AND made ->> 'schema' LIKE s.of_schema AND made ->> 'name' LIKE s.of_table)
    AND NOT EXISTS (SELECT FROM octant_definitions.published s WHERE s.publication = p.pubname AND s.excluded AND made ->> 'schema' LIKE s.of_schema AND made ->> 'name' LIKE s.of_table)
    AND NOT EXISTS (SELECT FROM pg_publication_tables t WHERE t.pubname = p.pubname AND t.schemaname = made ->> 'schema' AND t.tablename = made ->> 'name')
  LOOP
    EXECUTE format('ALTER PUBLICATION %I ADD TABLE %I.%I', name, made ->> 'schema', made ->> 'name');
  END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
  NULL; -- the relay adds it soon
END
$octant$;

CREATE OR REPLACE FUNCTION octant_definitions.note() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER {{settings}} AS $octant$
DECLARE
  c record;
  before jsonb;
  after jsonb;
  said jsonb;
BEGIN
  IF TG_TAG ~ '(^GRANT|^REVOKE|^REINDEX|^REFRESH|^SECURITY LABEL| PUBLICATION| SUBSCRIPTION| STATISTICS|DEFAULT PRIVILEGES)' THEN
    RETURN;
  END IF;
  IF TG_TAG = 'CREATE EXTENSION' OR TG_TAG = 'ALTER EXTENSION' THEN
    PERFORM octant_definitions.tell(jsonb_build_object('tag', TG_TAG, 'type', 'extension'));
  END IF;
  FOR c IN SELECT d.classid, d.objid, d.objsubid, d.command_tag, d.object_type, d.schema_name, d.object_identity, d.in_extension FROM pg_event_trigger_ddl_commands() d LOOP
    CONTINUE WHEN c.schema_name IN ('pg_temp', 'octant', 'octant_definitions') OR c.schema_name LIKE 'pg\_temp\_%' OR c.object_type = 'extension'
      OR c.object_identity IN ('octant', 'octant_definitions') AND c.object_type = 'schema';
    before := NULL;
    after := NULL;
    IF c.classid = 'pg_class'::regclass THEN
      before := octant_definitions.keep(c.objid);
      after := octant_definitions.picture(c.objid);
      CONTINUE WHEN after ->> 'persistence' = 't' OR after ? 'backs' OR after ->> 'schema' IN ('octant', 'octant_definitions');
      CONTINUE WHEN c.object_type = 'sequence' AND EXISTS (SELECT FROM pg_depend p WHERE p.classid = 'pg_class'::regclass AND p.objid = c.objid AND p.deptype IN ('a', 'i'));
      PERFORM octant_definitions.publish(after);
    ELSIF c.command_tag = 'ALTER SCHEMA' THEN
      PERFORM octant_definitions.keep(r.oid) FROM pg_class r WHERE r.relnamespace = c.objid;
    END IF;
    CONTINUE WHEN c.in_extension;
    said := jsonb_build_object('tag', c.command_tag, 'type', c.object_type, 'schema', c.schema_name, 'identity', c.object_identity, 'before', before, 'after', after,
      'concurrently', strpos(lower(current_query()), 'concurrently') > 0);
    IF c.command_tag = 'COMMENT' AND c.classid = 'pg_class'::regclass THEN
      said := said || jsonb_build_object('column', (SELECT a.attname FROM pg_attribute a WHERE c.objsubid > 0 AND a.attrelid = c.objid AND a.attnum = c.objsubid),
        'comment', CASE WHEN c.objsubid > 0 THEN col_description(c.objid, c.objsubid) ELSE obj_description(c.objid, 'pg_class') END);
    ELSIF c.command_tag = 'CREATE SCHEMA' THEN
      said := said || (SELECT jsonb_build_object('name', s.nspname, 'owner', pg_get_userbyid(s.nspowner)) FROM pg_namespace s WHERE s.oid = c.objid);
    END IF;
    PERFORM octant_definitions.tell(jsonb_strip_nulls(said));
  END LOOP;
EXCEPTION WHEN OTHERS THEN -- nobody's statement fails because of the relay
  PERFORM octant_definitions.tell(jsonb_build_object('tag', TG_TAG, 'failed', SQLERRM));
END
$octant$;

CREATE OR REPLACE FUNCTION octant_definitions.note_drops() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER {{settings}} AS $octant$
DECLARE
  gone jsonb;
BEGIN
  SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('type', o.object_type, 'schema', o.schema_name, 'name', o.object_name, 'identity', o.object_identity,
    'before', (SELECT k.picture FROM octant_definitions.known k WHERE o.classid = 'pg_class'::regclass AND k.relation = o.objid))) ORDER BY o.object_identity)
  INTO gone FROM pg_event_trigger_dropped_objects() o
  WHERE (o.original OR o.object_type = 'view') AND NOT o.is_temporary AND o.schema_name IS DISTINCT FROM 'octant' AND o.schema_name IS DISTINCT FROM 'octant_definitions'
    AND NOT (o.object_type = 'schema' AND o.object_name IN ('octant', 'octant_definitions'));
  DELETE FROM octant_definitions.known k USING pg_event_trigger_dropped_objects() o WHERE o.classid = 'pg_class'::regclass AND o.objsubid = 0 AND k.relation = o.objid;
  UPDATE octant_definitions.known k SET picture = octant_definitions.picture(k.relation) FROM pg_event_trigger_dropped_objects() o
  WHERE k.picture -> 'partitions' @> to_jsonb(o.objid::bigint) AND o.classid = 'pg_class'::regclass AND o.objsubid = 0;
  IF gone IS NOT NULL AND TG_TAG LIKE 'DROP %' AND TG_TAG !~ '( PUBLICATION| SUBSCRIPTION| STATISTICS)' THEN
    PERFORM octant_definitions.tell(jsonb_build_object('tag', TG_TAG, 'dropped', gone, 'concurrently', strpos(lower(current_query()), 'concurrently') > 0));
  END IF;
EXCEPTION WHEN OTHERS THEN
  PERFORM octant_definitions.tell(jsonb_build_object('tag', TG_TAG, 'failed', SQLERRM));
END
$octant$;

REVOKE ALL ON ALL TABLES IN SCHEMA octant_definitions FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA octant_definitions FROM PUBLIC;
GRANT USAGE ON SCHEMA octant_definitions TO {{user}};
GRANT SELECT ON octant_definitions.seal TO {{user}};
GRANT SELECT, INSERT, DELETE ON octant_definitions.published TO {{user}};

DELETE FROM octant_definitions.known;
INSERT INTO octant_definitions.known SELECT c.oid, octant_definitions.picture(c.oid) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'octant', 'octant_definitions') AND n.nspname !~ '^pg_' AND octant_definitions.picture(c.oid) IS NOT NULL;

DROP EVENT TRIGGER IF EXISTS octant_definitions;
DROP EVENT TRIGGER IF EXISTS octant_drops;
CREATE EVENT TRIGGER octant_definitions ON ddl_command_end EXECUTE FUNCTION octant_definitions.note();
CREATE EVENT TRIGGER octant_drops ON sql_drop EXECUTE FUNCTION octant_definitions.note_drops();
ALTER EVENT TRIGGER octant_definitions ENABLE ALWAYS; -- those of the relay too: it knows its own
ALTER EVENT TRIGGER octant_drops ENABLE ALWAYS;
COMMIT;
