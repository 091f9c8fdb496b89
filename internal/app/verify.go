package app

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"vigie/internal/config"
	"vigie/internal/evidence/bundle"
	"vigie/internal/evidence/stamp"
	"vigie/internal/web/i18n"
)

// verifyCommand checks an export of evidence. It opens no record and asks nobody: whoever got the export may run it.
type verifyCommand struct {
	File  string `arg:"" help:"The ZIP." placeholder:"FILE"`
	Roots string `help:"Certificates of the authorities for time stamps to believe, got from them and not from the ZIP (PEM, or one in DER)." placeholder:"FILE"`
	JSON  bool   `help:"Say it as JSON."`
	Lang  string `default:"en" enum:"en,fr" help:"Language: en, fr."`
}

// marks are in front of what is found.
var marks = map[bundle.Level]string{bundle.Holds: "ok      ", bundle.Note: "note    ", bundle.Unproved: "OPEN    ", bundle.Broken: "WRONG   "}

// openRegular opens a file that a command was given, and says how large it is.
func openRegular(name string) (*os.File, int64, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file", name)
	}
	if err != nil {
		_ = file.Close()
		return nil, 0, err
	}
	return file, info.Size(), nil
}

func (v verifyCommand) Run(_ config.Config, term Terminal) error {
	roots, err := readRoots(v.Roots)
	if err != nil {
		return err
	}
	file, size, err := openRegular(v.File)
	if err != nil {
		return err
	}
	defer file.Close()
	report, err := bundle.Check(file, size, roots)
	if err != nil {
		return err
	}
	p := i18n.For(v.Lang)
	result := report.Result()
	last := p.T("bundle.result." + result.String())
	if v.JSON {
		type said struct {
			bundle.Finding
			Said string `json:"said"`
		}
		out := struct {
			Result string `json:"result"`
			Said   string `json:"said"`
			bundle.Report
			Findings []said `json:"findings"`
		}{Result: result.String(), Said: last, Report: report}
		for _, f := range report.Findings {
			out.Findings = append(out.Findings, said{f, p.T("bundle.found."+f.What, f.Args()...)})
		}
		e := json.NewEncoder(term.Out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(out); err != nil {
			return err
		}
	} else {
		if report.ManifestSHA256 != "" {
			fmt.Fprintln(term.Out, p.T("bundle.about", "case", oneLine(report.Case), "at", report.ExportedAt.Format("2006-01-02 15:04:05 UTC"),
				"by", oneLine(report.ExportedBy), "purpose", oneLine(report.Purpose)))
			fmt.Fprintln(term.Out, p.T("bundle.counts", "items", report.Items, "stamped", report.Stamped, "sum", report.ManifestSHA256))
			fmt.Fprintln(term.Out)
		}
		for _, f := range report.Findings {
			fmt.Fprintln(term.Out, marks[f.Level]+p.T("bundle.found."+f.What, f.Args()...))
		}
		fmt.Fprintf(term.Out, "\n%s\n", last)
	}
	if result > bundle.Note {
		return errors.New(last)
	}
	return nil
}

// oneLine keeps what a file says of itself from moving about on somebody's terminal.
func oneLine(s string) string {
	quoted := fmt.Sprintf("%.200q", s)
	return quoted[1 : len(quoted)-1]
}

// readRoots reads the certificates to believe; nil where no file is given.
func readRoots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if c, err := x509.ParseCertificate(text); err == nil {
		return stamp.Pool(c), nil
	}
	var all []*x509.Certificate
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			// A ZIP has certificates in it too, and it must not vouch for itself.
			if len(all) == 0 || bytes.Contains(rest, []byte("-----BEGIN")) || bytes.ContainsRune(text, 0) {
				return nil, fmt.Errorf("%s does not hold certificates: PEM is wanted, or one certificate in DER", path)
			}
			return stamp.Pool(all...), nil
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil || block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("%s holds something that is no certificate (%s)", path, block.Type)
		}
		all = append(all, c)
	}
}
