package app

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"time"

	"vigie/internal/evidence"
	"vigie/internal/evidence/stamp"
)

// authority is who stamps times, as it is configured, and whom we believe. Roots alone let older stamps go into exports.
func (a *App) authority(now func() time.Time) (evidence.Authority, *x509.CertPool, error) {
	if a.config.StampRoots == "" {
		return nil, nil, nil
	}
	pem, err := os.ReadFile(a.config.StampRoots)
	if err != nil {
		return nil, nil, fmt.Errorf("stamp-roots: %w", err)
	}
	roots, err := evidence.Roots(pem)
	if err != nil {
		return nil, nil, fmt.Errorf("stamp-roots: %w", err)
	}
	if a.config.StampURL == "" {
		return nil, roots, nil
	}
	// Whoever is configured is asked, and nobody that it points at.
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return stamp.Client{HTTP: client, URL: a.config.StampURL, User: a.config.StampUser, Password: a.config.StampPassword, Roots: roots, Now: now}, roots, nil
}
