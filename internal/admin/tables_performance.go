package admin

import (
	"context"
	"iter"
)

// performance is the database in which monitors of MySQL look for replication; see "Performance Schema Replication Tables" in MySQL's manual.
// A channel is the relay's own source, whose name is empty, or a peer. Of the columns those are here that have a true answer.
const performance = "performance_schema"

var performanceTables = []table{
	{
		name: "replication_applier_status",
		columns: []column{
			{"CHANNEL_NAME", textColumn}, {"SERVICE_STATE", textColumn}, {"REMAINING_DELAY", intColumn}, {"COUNT_TRANSACTIONS_RETRIES", intColumn},
		},
		rows: fromLinks(func(k *link) []any { return []any{k.name, service(yes(k.applies)), nil, k.retries} }),
	},
	{
		name: "replication_applier_status_by_worker",
		columns: []column{
			{"CHANNEL_NAME", textColumn}, {"WORKER_ID", intColumn}, {"SERVICE_STATE", textColumn},
			{"LAST_ERROR_NUMBER", intColumn}, {"LAST_ERROR_MESSAGE", textColumn},
		},
		rows: fromLinks(func(k *link) []any { return []any{k.name, int64(0), service(yes(k.applies)), k.sqlCode, k.sqlError} }),
	},
	{
		name: "replication_connection_configuration",
		columns: []column{
			{"CHANNEL_NAME", textColumn}, {"HOST", textColumn}, {"PORT", intColumn}, {"USER", textColumn}, {"AUTO_POSITION", textColumn},
			{"SSL_ALLOWED", textColumn}, {"SSL_CA_FILE", textColumn}, {"SSL_CERTIFICATE", textColumn}, {"SSL_KEY", textColumn},
			{"SSL_VERIFY_SERVER_CERTIFICATE", textColumn},
		},
		rows: fromLinks(func(k *link) []any {
			host, port := hostPort(k.address)
			auto := "0"
			if k.usesGTID {
				auto = "1"
			}
			return []any{k.name, host, port, k.user, auto, shout(k.tls), k.ca, k.cert, k.key, shout(k.verify)}
		}),
	},
	{
		name: "replication_connection_status",
		columns: []column{
			{"CHANNEL_NAME", textColumn}, {"GROUP_NAME", textColumn}, {"SOURCE_UUID", textColumn}, {"SERVICE_STATE", textColumn},
			{"RECEIVED_TRANSACTION_SET", longColumn}, {"LAST_ERROR_NUMBER", intColumn}, {"LAST_ERROR_MESSAGE", textColumn},
		},
		rows: fromLinks(func(k *link) []any {
			return []any{k.name, "", k.uuid, service(k.receives), k.gtids, k.ioCode, k.ioError}
		}),
	},
	{ // a relay is in no group
		name: "replication_group_member_stats",
		columns: []column{
			{"CHANNEL_NAME", textColumn}, {"VIEW_ID", textColumn}, {"MEMBER_ID", textColumn}, {"COUNT_TRANSACTIONS_IN_QUEUE", intColumn},
		},
		rows: fromList(func(*Engine) []any { return nil }, func(any) []any { return nil }),
	},
	{
		name: "replication_group_members",
		columns: []column{
			{"CHANNEL_NAME", textColumn}, {"MEMBER_ID", textColumn}, {"MEMBER_HOST", textColumn}, {"MEMBER_PORT", intColumn},
			{"MEMBER_STATE", textColumn}, {"MEMBER_ROLE", textColumn}, {"MEMBER_VERSION", textColumn},
		},
		rows: fromList(func(*Engine) []any { return nil }, func(any) []any { return nil }),
	},
}

// fromLinks makes a row of everything that the relay reads: its own source, and the peers.
func fromLinks(row func(*link) []any) func(context.Context, *Engine) iter.Seq2[[]any, error] {
	return fromList((*Engine).links, func(k link) []any { return row(&k) })
}

func (e *Engine) links() []link {
	status, log := e.cfg.Inspector.Status(), e.cfg.Inspector.LogStatus()
	list := []link{(&call{e: e}).sourceLink(status, log)}
	for _, p := range e.cfg.Inspector.Peers() {
		list = append(list, peerLink(p, status, log))
	}
	return list
}

// service is the state of a thread in MySQL's words for it here.
func service(running string) string {
	switch running {
	case "Yes":
		return "ON"
	case "No":
		return "OFF"
	}
	return "CONNECTING"
}

func shout(b bool) string {
	if b {
		return "YES"
	}
	return "NO"
}
