package mail

import "strings"

// words are what a letter says besides what it is given. They are spoken to a platform and by no screen, and have to be the
// same in every helpline's letters, because law stands behind them.
type words struct {
	lang                            string
	law, terms, priority            string
	openLaw, openFlagger, openTerms string
	addresses, account, ground      string
	notifier, answer                string
}

var french = words{
	lang:        "fr",
	law:         "Notification d'un contenu illicite (règlement (UE) 2022/2065, article 16)",
	terms:       "Signalement d'un contenu contraire à vos conditions",
	priority:    "Prioritaire : ",
	openLaw:     "Nous vous notifions un contenu illicite au titre de l'article 16 du règlement (UE) 2022/2065.",
	openFlagger: "Nous vous notifions un contenu illicite au titre de l'article 16 du règlement (UE) 2022/2065, en qualité de signaleur de confiance : cette notification est à traiter en priorité (article 22, paragraphe 1).",
	openTerms:   "Nous vous signalons un contenu contraire à vos propres conditions d'utilisation.",
	addresses:   "Adresse exacte du contenu :",
	account:     "Compte : ",
	ground:      "Fondement : ",
	notifier:    "Notifiant : ",
	answer:      "Merci d'accuser réception et de nous faire connaître votre décision et les voies de recours, en répondant à ce message sans changer son objet.",
}

var english = words{
	lang:        "en",
	law:         "Notice of illegal content (Regulation (EU) 2022/2065, Article 16)",
	terms:       "Report of content against your terms",
	priority:    "Priority: ",
	openLaw:     "This is a notice of illegal content under Article 16 of Regulation (EU) 2022/2065.",
	openFlagger: "This is a notice of illegal content under Article 16 of Regulation (EU) 2022/2065 by a trusted flagger: it is to be given priority (Article 22(1)).",
	openTerms:   "This is a report of content that is against your own terms of use.",
	addresses:   "Exact address of the content:",
	account:     "Account: ",
	ground:      "Ground: ",
	notifier:    "Notifier: ",
	answer:      "Please confirm receipt, and let us know your decision and the ways of redress, by answering this message without changing its subject.",
}

// wordsIn returns the words of a language, the French ones for "fr" alone: abroad, English is read.
func wordsIn(lang string) words {
	if strings.HasPrefix(lang, "fr") {
		return french
	}
	return english
}
