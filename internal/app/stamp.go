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
	roots, err := certificates("stamp-roots", a.config.StampRoots)
	if err != nil {
		return nil, nil, err
	}
	if a.config.StampURL == "" {
		return nil, roots, nil
	}
	// Whoever is configured is asked, and nobody that it points at.
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return stamp.Client{HTTP: client, URL: a.config.StampURL, User: a.config.StampUser, Password: a.config.StampPassword, Roots: roots, Now: now}, roots, nil
}

// certificates reads those of the authorities that are believed (PEM), from the file that a setting names.
func certificates(setting, file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s: there is no certificate in PEM in %s", setting, file)
	}
	return pool, nil
}
