package admin

import "fmt"

// mariadbSlave is a row of SHOW SLAVE STATUS in the columns and the order of MariaDB 10.11 (sql/slave.cc, show_master_info_get_fields),
// which monitors know, with MySQL's Channel_Name at the end: with more than one row one must know whose it is. What does not apply is
// empty, "No", 0 or NULL.
func mariadbSlave(k *link) []reported { return append(mariadbCommon(k), said("Channel_Name", k.name)) }

// mariadbAll is a row of SHOW ALL SLAVES STATUS.
func mariadbAll(k *link) []reported {
	fields := []reported{said("Connection_name", k.name), said("Slave_SQL_State", k.sqlState("Slave"))}
	fields = append(fields, mariadbCommon(k)...)
	return append(fields,
		counted("Retried_transactions", k.retries), counted("Max_relay_log_size", 0), counted("Executed_log_entries", 0),
		counted("Slave_received_heartbeats", 0), said("Slave_heartbeat_period", "0.000"), said("Gtid_Slave_Pos", k.gtids))
}

// mariadbAllTimed has the columns more that MariaDB has since 11.6: when the last event was written and applied. A relay knows how far it is behind, in
// Seconds_Behind_Master, and does not keep those times.
func mariadbAllTimed(k *link) []reported {
	return append(mariadbAll(k), unsaid("Master_last_event_time"), unsaid("Slave_last_event_time"), unsaid("Master_Slave_time_diff"))
}

// timesEvents tells whether a MariaDB of the version shows when its replicas' last events were.
func timesEvents(version string) bool {
	var major, minor int
	_, err := fmt.Sscanf(version, "%d.%d", &major, &minor)
	return err == nil && (major > 11 || major == 11 && minor >= 6)
}

func mariadbCommon(k *link) []reported {
	host, port := hostPort(k.address)
	using := "No"
	if k.usesGTID {
		using = "Slave_Pos"
	}
	fields := []reported{
		said("Slave_IO_State", k.ioState("master")), said("Master_Host", host), said("Master_User", k.user), counted("Master_Port", port),
		counted("Connect_Retry", 0), said("Master_Log_File", k.file), counted("Read_Master_Log_Pos", int64(k.read)),
		said("Relay_Log_File", k.file), counted("Relay_Log_Pos", int64(k.read)), said("Relay_Master_Log_File", k.file),
		said("Slave_IO_Running", k.receives), said("Slave_SQL_Running", yes(k.applies)),
	}
	fields = append(fields, filters()...)
	fields = append(fields,
		counted("Last_Errno", k.sqlCode), said("Last_Error", k.sqlError), counted("Skip_Counter", 0),
		counted("Exec_Master_Log_Pos", int64(k.executed)), counted("Relay_Log_Space", k.space),
		said("Until_Condition", "None"), said("Until_Log_File", ""), counted("Until_Log_Pos", 0),
		said("Master_SSL_Allowed", yes(k.tls)), said("Master_SSL_CA_File", k.ca), said("Master_SSL_CA_Path", ""), said("Master_SSL_Cert", k.cert),
		said("Master_SSL_Cipher", ""), said("Master_SSL_Key", k.key),
		reported{column{"Seconds_Behind_Master", intColumn}, k.behind}, said("Master_SSL_Verify_Server_Cert", yes(k.verify)),
		counted("Last_IO_Errno", k.ioCode), said("Last_IO_Error", k.ioError),
		counted("Last_SQL_Errno", k.sqlCode), said("Last_SQL_Error", k.sqlError),
		said("Replicate_Ignore_Server_Ids", ""), counted("Master_Server_Id", k.serverID),
		said("Master_SSL_Crl", ""), said("Master_SSL_Crlpath", ""), said("Using_Gtid", using), said("Gtid_IO_Pos", k.gtids),
		said("Replicate_Do_Domain_Ids", ""), said("Replicate_Ignore_Domain_Ids", ""), said("Parallel_Mode", "conservative"),
		counted("SQL_Delay", 0), unknown("SQL_Remaining_Delay"), said("Slave_SQL_Running_State", k.sqlState("Slave")))
	return append(fields,
		counted("Slave_DDL_Groups", 0), counted("Slave_Non_Transactional_Groups", 0),
		counted("Slave_Transactional_Groups", k.groups), said("Replicate_Rewrite_DB", ""))
}

// filters are the columns of what is left out, which nothing is.
func filters() []reported {
	return []reported{
		said("Replicate_Do_DB", ""), said("Replicate_Ignore_DB", ""), said("Replicate_Do_Table", ""),
		said("Replicate_Ignore_Table", ""), said("Replicate_Wild_Do_Table", ""), said("Replicate_Wild_Ignore_Table", ""),
	}
}
