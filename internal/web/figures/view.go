package figures

import (
	"net/http"
	"net/url"

	"vigie/internal/stats"
	"vigie/internal/web/answer"
)

// SaveView keeps what is shown under a name.
func (f *Room) SaveView(w http.ResponseWriter, r *http.Request) error {
	form, err := answer.Form(w, r)
	if err != nil {
		return err
	}
	kept := url.Values{}
	names := []string{"period", "compare", "channel", "from", "until"}
	for _, d := range stats.Crossable {
		names = append(names, string(d))
	}
	for _, name := range names {
		if v := form.Get(name); v != "" {
			kept.Set(name, v)
		}
	}
	if err := f.Stats.SaveView(r.Context(), stats.View{Name: form.Get("name"), Shared: form.Get("shared") != "", Query: kept.Encode()}, me(r)); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/stats?"+kept.Encode(), http.StatusSeeOther)
	return nil
}

// RemoveView removes a view of one's own.
func (f *Room) RemoveView(w http.ResponseWriter, r *http.Request) error {
	if err := f.Stats.RemoveView(r.Context(), r.PathValue("view"), me(r)); err != nil {
		return err
	}
	http.Redirect(w, r, "/desk/stats", http.StatusSeeOther)
	return nil
}
