package compare_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/compare"
	"github.com/octant-db/octant/relay"
)

// everyType has a column of each way in which values are copied, and a row of edges.
const everyType = `CREATE TABLE app.every (id INT, part VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, n BIGINT UNSIGNED, d DECIMAL(30,10), f FLOAT, g DOUBLE,
 t DATETIME(6), ts TIMESTAMP(3) NULL, tm TIME(6), y YEAR, e ENUM('a','it''s','b'), s SET('x','y','z'), bits BIT(10), b VARBINARY(40), bl LONGBLOB, tx LONGTEXT CHARACTER SET utf8mb4,
 l VARCHAR(20) CHARACTER SET latin1, j JSON, made INT AS (id*2) STORED, PRIMARY KEY(part,id)) CHARACTER SET utf8mb4`

var edges = []string{
	"(1,'',0,0,0,0,'0000-00-00','1970-01-01 00:00:01','-838:59:59.000001',1901,1,'',0,'','','','','{}')",
	`(2,'it''s; -- "x" \\',18446744073709551615,-12345678901234567890.0123456789,1.17549e-38,-0.0,'9999-12-31 23:59:59.999999','2026-01-02 03:04:05.678','838:59:59',2155,2,'x,z',1023,x'00ff27',REPEAT(x'2700ff5c',3000),CONCAT('😀''\n',REPEAT('ä',70000)),x'e427','{"a": [1, 1.5, "it''s"]}')`,
	"(3,'A ',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL)",
}

// TestRowsAreCopied: chunk by chunk, of every type, over rows that stand in their way.
func TestRowsAreCopied(t *testing.T) {
	onEach(t, func(b *bed) {
		b.exec("SET SESSION sql_mode='ALLOW_INVALID_DATES'", everyType)
		for _, row := range edges {
			b.exec("INSERT INTO app.every(id,part,n,d,f,g,t,ts,tm,y,e,s,bits,b,bl,tx,l,j) VALUES " + row)
		}
		for i := range 50 {
			b.exec(fmt.Sprintf("INSERT INTO app.every(id,part,n) VALUES (%d,'p%d',%d)", i, i%3, i))
		}
		out := compare.NewCopier(compare.Config{Addr: b.server.Addr(), User: "reader", Password: "secret",
			Match: func(schema, _ string) bool { return schema == "app" }}, 2)
		defer out.Close()
		list, err := out.Definitions(t.Context())
		if err != nil || len(list) != 1 || list[0].Name != "app.every" || list[0].Create == "" {
			t.Fatalf("definitions: %+v, %v", list, err)
		}
		digest := func() relay.SpanDigest {
			d, err := b.reader.Digest(t.Context(), "app.every", relay.Span{})
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		want := digest()
		var batches []relay.RowBatch
		for after := relay.RowKey(""); ; {
			batch, err := out.Read(t.Context(), "app.every", after, 20)
			if err != nil {
				t.Fatal(err)
			}
			if batch.Rows == 0 {
				break
			}
			batches, after = append(batches, batch), batch.Last
		}
		if len(batches) != 3 {
			t.Errorf("%d batches of 20 rows, want 3", len(batches))
		}
		b.exec("GRANT CREATE, DROP ON app.* TO reader@'%'", "DROP TABLE app.every")
		if err := out.Create(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		for range 2 { // again, over what stands there
			if _, err := out.Ready(t.Context(), "app.every"); err != nil {
				t.Fatal(err)
			}
			for _, batch := range batches {
				if err := out.Write(t.Context(), "app.every", batch); err != nil {
					t.Fatal(err)
				}
			}
			if got := digest(); got != want {
				t.Errorf("the copy is %v, want %v", got, want)
			}
		}
		for _, batch := range batches { // row by row, and away with each
			rows, err := out.Split(t.Context(), "app.every", batch)
			if err != nil || len(rows) != batch.Rows || rows[len(rows)-1].Key != batch.Last {
				t.Fatalf("%d of %d rows, %v", len(rows), batch.Rows, err)
			}
			var keys []relay.RowKey
			for _, r := range rows {
				b, err := out.ReadSpan(t.Context(), "app.every", relay.Span{UpTo: r.Key}, 2)
				if err != nil || b.Rows == 0 || !bytes.HasPrefix(batch.Data, r.Data) {
					t.Fatalf("row %s: %d rows up to it, %v", r.Key, b.Rows, err)
				}
				keys, batch.Data = append(keys, r.Key), batch.Data[len(r.Data):]
			}
			if err := out.Remove(t.Context(), "app.every", keys); err != nil {
				t.Fatal(err)
			}
		}
		if got := digest(); got.Rows != 0 {
			t.Errorf("%d rows are left", got.Rows)
		}
		cut := batches[0]
		cut.Data = cut.Data[:len(cut.Data)-3]
		if err := out.Write(t.Context(), "app.every", cut); err == nil {
			t.Error("rows that are cut short were written")
		}
		if err := out.Clear(t.Context(), "app.every"); err != nil {
			t.Fatal(err)
		}
		if empty, err := out.Ready(t.Context(), "app.every"); !empty || err != nil {
			t.Errorf("an emptied table: %v, %v", empty, err)
		}
		b.exec("CREATE TRIGGER app.tr BEFORE INSERT ON app.every FOR EACH ROW SET NEW.n=1")
		if _, err := out.Ready(t.Context(), "app.every"); err == nil {
			t.Error("a table with triggers was taken")
		}
	})
}
