package staff

import "strings"

// Device sums up a User-Agent header as "Chrome/Linux", enough for a person to recognise her own
// session in a list and too little to follow anybody by. What is not recognised is "?": the header
// itself is never kept.
func Device(userAgent string) string {
	return match(userAgent, browsers) + "/" + match(userAgent, systems)
}

// Each list is tried in its order: most browsers also claim to be the ones below them.
var browsers = []sign{
	{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"},
	{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
}

var systems = []sign{
	{"Windows", "Windows"}, {"Android", "Android"}, {"iPhone", "iOS"}, {"iPad", "iOS"}, {"CrOS", "ChromeOS"},
	{"Mac OS X", "macOS"}, {"Linux", "Linux"},
}

type sign struct{ mark, code string }

func match(text string, signs []sign) string {
	for _, s := range signs {
		if strings.Contains(text, s.mark) {
			return s.code
		}
	}
	return "?"
}
