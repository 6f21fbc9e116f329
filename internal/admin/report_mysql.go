package admin

import "strings"

// mysqlReplica is a row of SHOW REPLICA STATUS in the columns and the order of MySQL 9.7; see "SHOW REPLICA STATUS Statement" in its manual.
func mysqlReplica(k *link) []reported {
	host, port := hostPort(k.address)
	fields := []reported{
		said("Replica_IO_State", k.ioState("source")), said("Source_Host", host), said("Source_User", k.user), counted("Source_Port", port),
		counted("Connect_Retry", 0), said("Source_Log_File", k.file), counted("Read_Source_Log_Pos", int64(k.read)),
		said("Relay_Log_File", k.file), counted("Relay_Log_Pos", int64(k.read)), said("Relay_Source_Log_File", k.file),
		said("Replica_IO_Running", k.receives), said("Replica_SQL_Running", yes(k.applies)),
	}
	fields = append(fields, filters()...)
	fields = append(fields,
		counted("Last_Errno", k.sqlCode), said("Last_Error", k.sqlError), counted("Skip_Counter", 0),
		counted("Exec_Source_Log_Pos", int64(k.executed)), counted("Relay_Log_Space", k.space),
		said("Until_Condition", "None"), said("Until_Log_File", ""), counted("Until_Log_Pos", 0),
		said("Source_SSL_Allowed", yes(k.tls)), said("Source_SSL_CA_File", k.ca), said("Source_SSL_CA_Path", ""), said("Source_SSL_Cert", k.cert),
		said("Source_SSL_Cipher", ""), said("Source_SSL_Key", k.key),
		reported{column{"Seconds_Behind_Source", intColumn}, k.behind}, said("Source_SSL_Verify_Server_Cert", yes(k.verify)))
	return append(fields, mysqlRest(k)...)
}

func mysqlRest(k *link) []reported {
	auto := int64(0)
	if k.usesGTID {
		auto = 1
	}
	return []reported{
		counted("Last_IO_Errno", k.ioCode), said("Last_IO_Error", k.ioError),
		counted("Last_SQL_Errno", k.sqlCode), said("Last_SQL_Error", k.sqlError),
		said("Replicate_Ignore_Server_Ids", ""), counted("Source_Server_Id", k.serverID), said("Source_UUID", k.uuid),
		said("Source_Info_File", ""), counted("SQL_Delay", 0), unknown("SQL_Remaining_Delay"),
		said("Replica_SQL_Running_State", k.sqlState("Replica")), counted("Source_Retry_Count", 0), said("Source_Bind", ""),
		said("Last_IO_Error_Timestamp", ""), said("Last_SQL_Error_Timestamp", ""), said("Source_SSL_Crl", ""), said("Source_SSL_Crlpath", ""),
		said("Retrieved_Gtid_Set", k.gtids), said("Executed_Gtid_Set", k.gtids), counted("Auto_Position", auto),
		said("Replicate_Rewrite_DB", ""), said("Channel_Name", k.name), said("Source_TLS_Version", ""),
		said("Source_public_key_path", ""), counted("Get_Source_public_key", 0), said("Network_Namespace", ""),
	}
}

// mysqlSlave is the same under the names that MySQL had until 8.0, which older monitors ask for.
func mysqlSlave(k *link) []reported {
	fields := mysqlReplica(k)
	for i := range fields {
		name := strings.ReplaceAll(fields[i].name, "Source_public_key", "Master_public_key")
		fields[i].name = strings.ReplaceAll(strings.ReplaceAll(name, "Source", "Master"), "Replica_", "Slave_")
	}
	return fields
}
