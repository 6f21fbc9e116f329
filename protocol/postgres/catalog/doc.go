// Package catalog asks a PostgreSQL database what its tables and types are.
package catalog
