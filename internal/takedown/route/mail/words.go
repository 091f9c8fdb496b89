package mail

import "strings"

// words are what a letter says besides what it is given. They are spoken to a platform and by no screen, and have to be the
// same in every helpline's letters, because law stands behind them.
type words struct {
	day                             string // how a date is written (time.Layout)
	lang                            string
	law, terms, priority            string
	openLaw, openFlagger, openTerms string
	addresses, account, ground      string
	notifier, answer                string
	// What is written after a notice: how each step opens and what it asks, and what stands between.
	steps                           map[string]stepWords
	noReceipt, receiptOnly, decided string
	reminded, reasons, reference    string
}

// stepWords are a step's own: {sent}, {acknowledged} and {decided} are days.
type stepWords struct{ subject, opens, asks string }

var french = words{
	lang:        "fr",
	day:         "02/01/2006",
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
	steps: map[string]stepWords{
		"reminder": {"Relance : notification d'un contenu", "Nous revenons vers vous au sujet du contenu que nous vous avons notifié le {sent}.",
			"Une décision est due sans retard injustifié (règlement (UE) 2022/2065, article 16, paragraphes 5 et 6). Merci de nous la faire connaître, avec les voies de recours, en répondant à ce message sans changer son objet."},
		"contact": {"Notification restée sans suite", "Nous nous adressons à vous directement au sujet d'un contenu que nous avons notifié à vos services le {sent}.",
			"Merci de faire examiner cette notification, et de nous dire à qui elle est confiée, en répondant à ce message sans changer son objet."},
		"art20": {"Réclamation (règlement (UE) 2022/2065, article 20)", "Nous formons une réclamation au titre de l'article 20 du règlement (UE) 2022/2065 contre la décision dont vous nous avez informés le {decided}, de ne pas donner suite à notre notification du {sent}.",
			"Nous demandons que cette décision soit revue sous le contrôle d'un personnel qualifié, et pas uniquement par des moyens automatisés (article 20, paragraphe 6), et que votre décision motivée nous soit communiquée avec les voies de recours (article 20, paragraphe 5)."},
	},
	noReceipt:   "À ce jour, nous n'avons reçu ni accusé de réception ni décision.",
	receiptOnly: "Vous en avez accusé réception le {acknowledged}. À ce jour, nous n'avons pas reçu de décision.",
	decided:     "Vous nous avez fait part d'une décision le {decided}. D'après nos vérifications, le contenu reste accessible.",
	reminded:    "Une relance est restée sans suite.",
	reasons:     "Les motifs de notre notification restent valables :",
	reference:   "Votre référence : ",
}

var english = words{
	lang:        "en",
	day:         "2 January 2006",
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
	steps: map[string]stepWords{
		"reminder": {"Reminder: notice of content", "We come back to you about the content of which we gave you notice on {sent}.",
			"A decision is due without undue delay (Regulation (EU) 2022/2065, Article 16(5) and (6)). Please let us know it, and the ways of redress, by answering this message without changing its subject."},
		"contact": {"Notice without a result", "We write to you directly about content of which we gave notice to your services on {sent}.",
			"Please have this notice examined, and tell us who deals with it, by answering this message without changing its subject."},
		"art20": {"Complaint (Regulation (EU) 2022/2065, Article 20)", "We lodge a complaint under Article 20 of Regulation (EU) 2022/2065 against the decision of which you informed us on {decided}, not to act on our notice of {sent}.",
			"We ask that this decision be reviewed under the supervision of qualified staff, and not solely by automated means (Article 20(6)), and to be informed of your reasoned decision and of the ways of redress (Article 20(5))."},
	},
	noReceipt:   "To this day we have had neither a confirmation of receipt nor a decision.",
	receiptOnly: "You confirmed receipt on {acknowledged}. To this day we have had no decision.",
	decided:     "You informed us of a decision on {decided}. As far as we can see, the content is still accessible.",
	reminded:    "A reminder was left without a result.",
	reasons:     "The reasons of our notice still hold:",
	reference:   "Your reference: ",
}

// wordsIn returns the words of a language, the French ones for "fr" alone: abroad, English is read.
func wordsIn(lang string) words {
	if strings.HasPrefix(lang, "fr") {
		return french
	}
	return english
}
