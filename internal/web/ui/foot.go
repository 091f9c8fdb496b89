package ui

import "vigie/internal/web/i18n"

// FootLinks are at the foot of every public page.
func FootLinks(p *i18n.Printer) []Link {
	var all []Link
	for _, l := range []struct{ path, key string }{
		{"/numbers", "public.numbers"}, {"/resume", "public.resume"}, {"/guides", "site.nav_guides"}, {"/news", "site.nav_news"}, {"/parents", "site.foot_parents"}, {"/professionals", "site.foot_professionals"}, {"/app", "site.foot_app"},
		{"/figures", "site.foot_figures"}, {"/partners", "site.foot_partners"}, {"/press", "site.foot_press"}, {"/privacy", "public.privacy"}, {"/accessibility", "site.foot_accessibility"}, {"/legal", "site.foot_legal"},
	} {
		all = append(all, Link{Href: p.Path(l.path), Label: p.T(l.key)})
	}
	return all
}
