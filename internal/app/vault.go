package app

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"vigie/internal/config"
	"vigie/internal/fault"
	"vigie/internal/vault"
	"vigie/internal/web/i18n"
)

// vaultCommand reads the file as which a young person took her vault out of her phone. It opens no record and asks nobody: whoever was
// given the file and its passphrase may run it. The passphrase comes by standard input, so that no list of processes shows it.
type vaultCommand struct {
	File   string `arg:"" help:"The backup of a vault." placeholder:"FILE"`
	Item   string `help:"Extract this item: its number in the list, or its id." placeholder:"N"`
	Out    string `help:"Where to write it; it must not be there yet." placeholder:"FILE"`
	Verify bool   `help:"Read every item to its end, and say whether it is what was put in."`
	JSON   bool   `help:"Say it as JSON."`
	Lang   string `default:"en" enum:"en,fr" help:"Language: en, fr."`
}

// longestPhrase is far more than anybody types.
const longestPhrase = 4 << 10

func (v vaultCommand) Run(ctx context.Context, _ config.Config, term Terminal) error {
	if (v.Item == "") != (v.Out == "") {
		return errors.New("--item and --out go together")
	}
	file, size, err := openRegular(v.File)
	if err != nil {
		return err
	}
	defer file.Close()
	phrase, err := bufio.NewReader(io.LimitReader(term.In, longestPhrase)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	p := i18n.For(v.Lang)
	e, err := vault.Open(ctx, file, size, strings.TrimRight(phrase, "\r\n"))
	if err != nil {
		return v.said(p, err)
	}
	if v.Item != "" {
		return v.extract(p, e, term)
	}
	refused := 0
	for i := range e.Items {
		if !e.Items[i].Refused && v.Verify {
			err := e.Verify(e.Items[i])
			if err != nil && fault.As(err) == nil {
				return err
			}
			e.Items[i].Refused = err != nil
		}
		if e.Items[i].Refused {
			refused++
		}
	}
	if err := v.list(p, e, term.Out); err != nil {
		return err
	}
	if refused > 0 || !e.Whole {
		return errors.New(p.T("vault.cli.look"))
	}
	return nil
}

// said is a fault in the language that was asked for.
func (v vaultCommand) said(p *i18n.Printer, err error) error {
	if fault.As(err) == nil {
		return err
	}
	return errors.New(p.Fault(err))
}

func (v vaultCommand) list(p *i18n.Printer, e *vault.Export, out io.Writer) error {
	if v.JSON {
		j := json.NewEncoder(out)
		j.SetEscapeHTML(false)
		j.SetIndent("", "  ")
		return j.Encode(struct {
			Vault string       `json:"vault"`
			Whole bool         `json:"whole"`
			Items []vault.Item `json:"items"`
		}{e.ID, e.Whole, e.Items})
	}
	for i, item := range e.Items {
		if item.Refused {
			fmt.Fprintf(out, "%3d  %s  %s\n", i+1, item.ID, p.T("vault.cli.refused"))
			continue
		}
		fmt.Fprintf(out, "%3d  %s  %-7s  %s  %s\n", i+1, item.At.Format(time.RFC3339), item.Kind, p.T("vault.cli.bytes", "n", item.Size), oneLine(item.Name))
		fmt.Fprintf(out, "     SHA-256 %s\n", item.SHA256)
		for _, g := range item.Given {
			fmt.Fprintf(out, "     %s\n", p.T("vault.cli.given", "when", oneLine(g.At)))
		}
	}
	if !e.Whole {
		fmt.Fprintln(out, p.T("vault.cli.not_whole"))
	}
	_, err := fmt.Fprintln(out, p.T("vault.cli.time"))
	return err
}

// extract writes one item to a file of its own, which is there when it is whole, and else not at all.
func (v vaultCommand) extract(p *i18n.Printer, e *vault.Export, term Terminal) error {
	item, ok := e.Item(v.Item)
	if !ok {
		return v.said(p, fault.New(fault.NotFound, "fault.vault.no_item"))
	}
	out, err := os.OpenFile(v.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = e.Extract(item, out)
	if err = errors.Join(err, out.Close()); err != nil {
		return v.said(p, errors.Join(err, os.Remove(v.Out)))
	}
	_, err = fmt.Fprintln(term.Out, p.T("vault.cli.extracted", "file", v.Out, "sum", item.SHA256))
	return err
}
