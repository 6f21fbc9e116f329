// Package mixed has the tests of clusters whose regions are MariaDB, MySQL and PostgreSQL.
package mixed
