package voicetest

import "testing"

func TestHearingHowATextSpeaks(t *testing.T) {
	for text, want := range map[string]string{
		"On t'écoute.": "t'", "Ton message": "Ton", "Écris ici…": "Écris", "C'est long. Coupe-le.": "Coupe", "Elle dit : n'attends pas.": "n'attends",
		"L'historique, lui, reste : c'est ainsi.": "", "Y a-t-il quelqu'un ?": "", "Votre tutelle": "", "Le bouton « Garde tes mots »": "", "": "",
	} {
		if got := Tu(text); got != want {
			t.Errorf("%q says %q to a child, heard %q", text, want, got)
		}
	}
	for text, want := range map[string]string{"Écrivez à vos amis": "vos", "Rendez-vous à midi": "", "Le nôtre": "", "« vous »": ""} {
		if got := Vous(text); got != want {
			t.Errorf("%q says %q to an adult, heard %q", text, want, got)
		}
	}
}
