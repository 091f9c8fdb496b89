package store

import "testing"

// An SQLite with the WAL-reset bug is refused; the first without it is taken.
func TestOldSQLiteIsRefused(t *testing.T) {
	for version, refused := range map[string]bool{
		"3.7.0": true, "3.50.4": true, "3.51.2": true, "3.51.3": false, "3.54.1": false, "4.0.0": false, "nonsense": true,
	} {
		if err := refuseOldSQLite(version); (err != nil) != refused {
			t.Errorf("%s: %v", version, err)
		}
	}
}
