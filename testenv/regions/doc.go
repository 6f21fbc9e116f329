// Package regions holds the tests of Octant as a whole: real MariaDB servers, real relay processes, eight
// regions, workloads that conflict, and faults. Its only non-test file is this one.
package regions
