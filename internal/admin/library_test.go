package admin_test

import (
	"testing"

	"github.com/go-mysql-org/go-mysql/client"
)

// TestLibraryClient reads results by column and type, as monitors written in Go do.
func TestLibraryClient(t *testing.T) {
	port := listen(t, newEngineWith(&fixed{}, written{}))
	c, err := client.Connect("127.0.0.1:"+port, "root", "secret", "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := c.Execute("SHOW ALL SLAVES STATUS")
	if err != nil {
		t.Fatal(err)
	}
	name, err := r.GetStringByName(0, "Connection_name")
	if err != nil || name != "" {
		t.Errorf("the first connection is %q: %v", name, err)
	}
	if position, err := r.GetUintByName(0, "Read_Master_Log_Pos"); err != nil || position != 4711 {
		t.Errorf("Read_Master_Log_Pos is %d: %v", position, err)
	}
	if null, err := r.IsNullByName(2, "Seconds_Behind_Master"); err != nil || !null {
		t.Errorf("the lag of a peer that cannot be heard is not NULL: %v", err)
	}
	if r, err = c.Execute("SHOW BINLOG EVENTS LIMIT 2"); err != nil || r.RowNumber() != 2 {
		t.Fatalf("%+v %v", r, err)
	}
	if end, err := r.GetUintByName(1, "End_log_pos"); err != nil || end != 200 {
		t.Errorf("End_log_pos is %d: %v", end, err)
	}
	if r, err = c.Execute("SELECT MASTER_POS_WAIT('f', 50)"); err != nil {
		t.Fatal(err)
	}
	if n, err := r.GetInt(0, 0); err != nil || n != 3 {
		t.Errorf("waited for %d entries: %v", n, err)
	}
	if r, err = c.Execute("STOP SLAVE"); err != nil || r.Resultset != nil && r.RowNumber() > 0 {
		t.Errorf("STOP SLAVE: %+v %v", r, err)
	}
}
