package config_test

import (
	"strings"
	"testing"

	"vigie/internal/config"
)

// What is said of the app and the button is looked at before anything is served: a mistake would open or shut it silently.
func TestTheAppAndTheButton(t *testing.T) {
	sum := strings.Repeat("0A:", 31) + "FF"
	for _, c := range []struct {
		name, sum string
		origins   []string
		fault     string
	}{
		{"", "", nil, ""},
		{"org.example.helpline", sum, []string{"https://college.example", "https://college.example:8443", "https://*.ent.example", "http://localhost:3000"}, ""},
		{"org.example.helpline", "", nil, "go together"},
		{"", sum, nil, "go together"},
		{"helpline", sum, nil, "app-android-package"},
		{"org.example.helpline", strings.ToLower(sum), nil, "app-android-sha256"},
		{"", "", []string{"https://college.example/"}, "embed-origins"},
		{"", "", []string{"college.example"}, "embed-origins"},
		{"", "", []string{"http://college.example"}, "embed-origins"},
		{"", "", []string{"https://a.example; script-src *"}, "embed-origins"},
		{"", "", []string{"https://a.example 'self'"}, "embed-origins"},
		{"", "", []string{"*"}, "embed-origins"},
		{"", "", []string{"https://*"}, "embed-origins"},
	} {
		set := config.Config{PublicURL: "https://vigie.example", QuitTo: "https://meteo.example/", ChatCapacity: 3, PhonePorts: "20000-29999", FilesMax: 1,
			AppAndroidPackage: c.name, AppAndroidSHA256: c.sum, EmbedOrigins: c.origins}
		err := set.Validate()
		if c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
