package figures

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vigie/internal/catalogue"
	"vigie/internal/fault"
	"vigie/internal/stats"
	"vigie/internal/web/answer"
	"vigie/internal/web/i18n"
	"vigie/internal/web/live"
	"vigie/internal/web/session"
)

// told are the columns of a workbook with a line for each contact, after the month.
var told = []stats.Dim{
	stats.Channel, stats.Became, stats.Closing, stats.Lang, stats.Wait, stats.Length, stats.Category, stats.Who, stats.Age, stats.Gender, stats.Department, stats.Platform,
	stats.Outcome, stats.Satisfaction,
}

// Words say what is in a workbook with a line for each contact: the words of the catalogue, durations in seconds.
func Words(current func() *catalogue.Set) stats.Words {
	return func(lang string) (string, []string, func(stats.Told) []any) {
		f, say := &Room{Catalogue: current}, i18n.For(lang).ToAdults()
		heads := []string{say.T("stats.column.month")}
		for _, d := range told {
			heads = append(heads, say.T("stats.column."+string(d)))
		}
		return sheetName(say.T("stats.lines")), heads, func(t stats.Told) []any {
			cells := []any{strconv.FormatInt(t.Month/100, 10) + "-" + strconv.FormatInt(100+t.Month%100, 10)[1:]}
			for _, d := range told {
				cells = append(cells, f.toldOf(say, d, t.Codes(d)))
			}
			return cells
		}
	}
}

func (f *Room) toldOf(say *i18n.Printer, d stats.Dim, codes []string) any {
	if len(codes) == 0 {
		return nil
	}
	words := make([]string, len(codes))
	for i, code := range codes {
		switch d {
		case stats.Wait, stats.Length:
			if n, err := strconv.ParseInt(code, 10, 64); err == nil {
				return n
			}
			return nil
		case stats.Channel:
			words[i] = say.T("stats.channel." + code)
		case stats.Became:
			words[i] = say.T("stats." + code)
		default:
			words[i] = f.label(say, d, code)
		}
	}
	return strings.Join(words, " ; ")
}

// fileView is a workbook as its list shows it.
type fileView struct {
	stats.File
	span, chosen, until string
}

type filesView struct {
	say   *i18n.Printer
	files []fileView
}

func (f *Room) fileView(say *i18n.Printer, file stats.File) fileView {
	v := fileView{File: file, span: spanOf(say, stats.DateOf(file.From, i18n.Paris), stats.DateOf(file.Until, i18n.Paris)), until: say.DateTime(time.UnixMilli(file.AskedAt).Add(stats.FileKept))}
	var chosen []string
	for _, c := range file.Channels {
		chosen = append(chosen, say.T("stats.channel."+c))
	}
	for _, c := range file.Chosen {
		chosen = append(chosen, f.label(say, c.Dim, c.Code))
	}
	v.chosen = strings.Join(chosen, " · ")
	return v
}

// Files are the workbooks that a member of staff asked for.
func (f *Room) Files(w http.ResponseWriter, r *http.Request) error {
	files, err := f.Stats.Files(r.Context(), session.Staff(r).ID)
	if err != nil {
		return err
	}
	v := filesView{say: answer.Printer(r)}
	for _, file := range files {
		v.files = append(v.files, f.fileView(v.say, file))
	}
	answer.Page(w, r, http.StatusOK, filesPage(v, f.Frame(r, "stats.lines")))
	return nil
}

// AskFile has a workbook made of the contacts that the page of figures shows.
func (f *Room) AskFile(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	a, err := f.chosenIn(form)
	if err != nil {
		return err
	}
	if _, err := f.Stats.AskFile(r.Context(), a.query(), a.chosen, answer.Printer(r).Lang(), me(r)); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/stats/lines", http.StatusSeeOther)
	return nil
}

// RemoveFile takes one of one's own away.
func (f *Room) RemoveFile(w http.ResponseWriter, r *http.Request) error {
	if err := f.Stats.RemoveFile(r.Context(), r.PathValue("file"), me(r)); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/stats/lines", http.StatusSeeOther)
	return nil
}

// FetchFile hands one out to who asked for it.
func (f *Room) FetchFile(w http.ResponseWriter, r *http.Request) error {
	file, content, err := f.Stats.OpenFile(r.Context(), r.PathValue("file"), me(r))
	if err != nil {
		return err
	}
	defer content.Close()
	handOut(w, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "contacts-"+strconv.FormatInt(file.From, 10)+"-"+strconv.FormatInt(stats.DayOf(stats.DateOf(file.Until, i18n.Paris).AddDate(0, 0, -1)), 10)+".xlsx")
	w.Header().Set("Content-Length", strconv.FormatInt(file.Size, 10))
	_, err = io.Copy(w, content)
	if err != nil { // the head is gone: who reads sees that it is short
		answer.Log(r, err)
	}
	return nil
}

// lookEvery is how often it is looked how far a workbook is, while somebody watches.
const lookEvery = 300 * time.Millisecond

// FileEvents tells how far a workbook is until it is made, whichever node makes it.
func (f *Room) FileEvents(w http.ResponseWriter, r *http.Request) error {
	who, say, id := session.Staff(r).ID, answer.Printer(r), r.PathValue("file")
	if _, err := f.Stats.File(r.Context(), id, who); err != nil {
		return err
	}
	kept := context.WithoutCancel(r.Context())
	return f.Streams.Serve(w, r, who, func(s *live.Stream) (func(), error) {
		ctx, stop := context.WithCancel(kept)
		go func() {
			defer s.End()
			var shown stats.File
			for state := stats.Making; state == stats.Making; {
				select {
				case <-ctx.Done():
					return
				case <-time.After(lookEvery):
				}
				file, err := f.Stats.File(ctx, id, who)
				if fault.Is(err, fault.NotFound) {
					break
				}
				var e live.Event
				if err == nil {
					if state = file.State; state == shown.State && file.Done == shown.Done && file.Whole == shown.Whole {
						continue
					}
					shown = file
					e, err = live.Update(ctx, "", fileItem(say, f.fileView(say, file)))
				}
				if err != nil {
					if ctx.Err() == nil {
						slog.Warn("how far a workbook is could not be told", "error", err)
					}
					return
				}
				if !s.Push(e) {
					return
				}
			}
			s.Push(live.Signal("done", ""))
		}()
		return stop, nil
	})
}
