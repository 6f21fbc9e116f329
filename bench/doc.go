// Package bench measures Octant beside what it has to stand comparison with, on one machine and in one run:
// `mariadb-binlog --raw` for capture, and a stock MariaDB replica for applying and for lag.
//
// The measurements are TestBench, behind the build tag bench; `make bench` runs them and prints a table. The
// rounds of both sides are interleaved, and the ratios of the rounds are worth more than any absolute figure,
// since the machine is never quiet. Beside the times stand the CPU seconds of the processes of either side,
// which other processes on the machine disturb less.
//
// What is compared:
//
//	capture  A relay process that starts on a database with a backlog, until everything is in its log and
//	         synced. It also decodes every row and takes it into the version index. The other side is
//	         mariadb-binlog, which copies the file and does not sync it.
//	apply    A relay process that starts with an empty database and a peer that has the backlog, until the
//	         last row can be read and the ledger says so. This holds the other relay's sending, the receiving
//	         relay's log with its syncs, conflict checks, and capturing its own writes. The other side is a
//	         replica with slave_parallel_threads=4 and slave_parallel_mode=optimistic, from START SLAVE on.
//	         Both databases have log_bin and log_slave_updates.
//	lag      From the answer to COMMIT in one region to the row in another, under a steady load in all
//	         regions. Beside the regions runs a stock replica of the same source, which is asked in turns with
//	         them, and in a bed of their own stock servers that replicate each other under the same load.
//	log     Appending entries to the relay log, synced, beside a plain file with the same syncs; then opening a large log
//	        whose files are in no cache, and finding an entry in it.
//	serve   A server's log, read by one reader and by eight that do nothing with it: from a relay, and from the server itself; and the processor time that
//	        either takes for it.
//	        Readers have the kernel drop what comes: copying a GiB to a reader that shares the two processors costs as much as sending it, and readers are other machines
//	        in earnest. One that looks at every packet comes first.
//	conflicts  Rows a millisecond that a region applies of another one's, with 0, 1 and 20 % of them written in both, beside a relay that
//	         was built without conflict checks.
//	mysql    Applying a backlog and lag, as above, of MySQL 9.7: beside a stock replica with four workers.
//	postgres The same of PostgreSQL 15, beside a subscription. The backlog changes each row several times; postgres-large applies one to tables of which it changes
//	         few rows twice.
//	join     A region that is filled by octant join, beside mariadb-dump piped into mariadb, and beside mydumper and myloader; and what that
//	         leaves to one who writes in the donor region.
//	verify   octant verify of two regions, beside pt-table-checksum of a stock replica.
//	memory   The resident sets of the relays in that bed of eight regions.
//
// Nothing here fails because it is slow. It fails when something breaks, and when tables differ.
//
// The environment changes the sizes:
//
//	OCTANT_BENCH_ROUNDS        rounds of each comparison (3)
//	OCTANT_BENCH_TRANSACTIONS  of the backlog, each of four row changes (50000)
//	OCTANT_BENCH_RATE          transactions per second and region under lag (200)
//	OCTANT_BENCH_PROBES        rows whose lag is measured in each round (200)
//	OCTANT_BENCH_SETTLE        how long the load runs before memory is read (60s)
//	OCTANT_BENCH_SERVE_MIB     of the backlog that is served (1024)
//	OCTANT_BENCH_LOG_GIB       of the large log (10)
//	OCTANT_BENCH_PROFILE       a folder for CPU and heap profiles of the relays (none)
//
// and parts run alone with go test's flag, for example -run TestBench/apply.
package bench
