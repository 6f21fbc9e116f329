// Package doctor puts together what `octant doctor` shows: the checks of the database that an engine makes, and those of
// the configuration, the data folder and the peers, which are the same for every engine.
package doctor
