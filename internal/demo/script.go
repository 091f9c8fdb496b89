package demo

// Story is one made-up young person (or parent): what the first questions get, and what is said. The
// replies follow one another whatever the counsellor writes, so they are written to fit most answers.
type Story struct {
	Lang, Who, Age string
	// Topics are codes of the first question, the first that the catalogue knows is taken.
	Topics []string
	First  []string
	Then   []string
	// Said is how a counsellor answered, in the past contacts.
	Said []string
	// Rate is the answer to the last question, "" for none.
	Rate string
}

// Stories are the made-up contacts. They are plain and without detail: enough to see the desk at work.
var Stories = []Story{
	{
		Lang: "fr", Who: "young", Age: "11_12", Topics: []string{"images"},
		First: []string{"bonjour", "y a des photos de moi qui tournent au collège", "je sais pas quoi faire"},
		Then: []string{"c'est sur snap, dans un groupe de ma classe", "oui je connais la personne qui les a envoyées", "non j'en ai parlé à personne, j'ai trop honte",
			"d'accord", "j'ai le nom du groupe et le pseudo", "mes parents vont le savoir ?", "ok, ça me rassure un peu", "merci, je vais faire comme ça"},
		Said: []string{"Bonjour. Je suis là, tu as bien fait de venir.", "Je te crois. Ce n'est pas ta faute.", "Est-ce que tu es en sécurité, là, maintenant ?",
			"On peut demander à Snapchat de retirer les images, par une voie rapide.", "Tu n'as pas besoin de me les montrer. Le nom du compte suffit.", "On avance ensemble, à ton rythme."},
		Rate: "a_lot",
	},
	{
		Lang: "fr", Who: "young", Age: "15_17", Topics: []string{"sextortion"},
		First: []string{"salut c urgent", "un gars me demande 200 euros sinon il envoie ma vidéo à tout le monde"},
		Then: []string{"je l'ai rencontré sur insta hier", "non j'ai pas payé", "il m'envoie des messages toutes les 5 minutes", "j'ai fait des captures de ses messages",
			"ok je réponds plus", "je peux le bloquer alors ?", "ça va un peu mieux, merci"},
		Said: []string{"Bonjour, je suis là. Respire : on est là, avec toi.", "Ne paie pas, et ne lui réponds plus. Ceux qui paient sont relancés.",
			"Garde les messages et le nom du compte. Jamais la vidéo.", "On va faire retirer le compte avec la plateforme.", "Tu peux en parler à un adulte près de toi ?"},
		Rate: "a_lot",
	},
	{
		Lang: "fr", Who: "young", Age: "13_14", Topics: []string{"bullying"},
		First: []string{"coucou", "on se moque de moi tous les jours sur le groupe de la classe"},
		Then:  []string{"depuis la rentrée", "ils sont au moins dix", "au collège aussi", "j'ai pas envie d'y retourner lundi", "ma prof principale est gentille, peut être elle", "ok je vais essayer", "merci beaucoup"},
		Said: []string{"Bonjour, merci d'être là. Je t'écoute.", "Ce qu'ils font est interdit par la loi, même si chacun n'envoie qu'un message.",
			"Garde des captures, puis tu peux quitter le groupe.", "Qui, au collège, pourrait t'aider ?", "On peut aussi prévenir le collège, seulement si tu es d'accord."},
		Rate: "a_little",
	},
	{
		Lang: "fr", Who: "young", Age: "13_14", Topics: []string{"adult"},
		First: []string{"bonjour je sais pas si c'est grave", "quelqu'un sur un jeu veut me voir en vrai samedi"},
		Then:  []string{"il dit qu'il a 16 ans mais je suis plus trop sûre", "à la gare", "non personne est au courant", "il m'a demandé de pas le dire", "d'accord j'irai pas", "oui je peux en parler à ma grande sœur", "merci"},
		Said:  []string{"Bonjour. Tu as bien fait de te poser la question.", "Quelqu'un qui demande le secret, c'est un signe d'alerte.", "Est-ce que tu peux ne pas y aller, et en parler à un adulte ?", "On peut prévenir la police ensemble si tu veux."},
	},
	{
		Lang: "fr", Who: "young", Age: "15_17", Topics: []string{"distress"},
		First: []string{"je vais pas bien du tout", "j'ai plus envie de rien, j'en peux plus"},
		Then:  []string{"depuis quelques semaines", "des fois je me dis que ce serait mieux si j'étais plus là", "non je suis chez moi, ma mère est dans le salon", "non, j'ai rien prévu", "peut-être, oui", "le 3114 c'est quoi ?", "ok. merci d'être resté"},
		Said:  []string{"Je suis là. Merci de me le dire.", "Est-ce que tu penses à mourir ?", "Est-ce que tu es en sécurité là, tout de suite ?", "Qui est près de toi ?", "Au 3114, quelqu'un répond jour et nuit. On peut appeler ensemble.", "Je reste avec toi."},
		Rate:  "a_lot",
	},
	{
		Lang: "fr", Who: "young", Age: "13_14", Topics: []string{"account"},
		First: []string{"mon compte insta est piraté", "quelqu'un écrit des trucs horribles à ma place"},
		Then:  []string{"non je peux plus me connecter", "mon mail marche encore", "ok je cherche", "ça y est j'ai reçu le code", "c'est bon !! merci"},
		Said:  []string{"Bonjour. On va essayer de le récupérer.", "Est-ce que tu as encore accès à ton adresse mail ?", "Demande un lien de connexion, puis change le mot de passe.", "Active ensuite la double authentification."},
		Rate:  "a_lot",
	},
	{
		Lang: "fr", Who: "parent", Age: "", Topics: []string{"bullying"},
		First: []string{"Bonjour, ma fille de 12 ans reçoit des messages très durs depuis une semaine.", "Je ne sais pas comment réagir."},
		Then:  []string{"Elle m'en a parlé hier soir.", "Oui, j'ai fait des captures.", "Non, je n'ai pas encore contacté le collège.", "Très bien, je vais le faire demain.", "Merci pour vos conseils."},
		Said:  []string{"Bonjour. Vous avez bien fait de nous écrire.", "Le plus important : elle vous en a parlé. Dites-lui que ce n'est pas sa faute.", "Gardez les captures, et ne répondez pas aux auteurs.", "Le collège a un référent harcèlement."},
		Rate:  "a_lot",
	},
	{
		Lang: "en", Who: "young", Age: "15_17", Topics: []string{"images"},
		First: []string{"hi, do you speak english?", "someone made a fake account with my photos"},
		Then:  []string{"on instagram", "i think it's someone from school", "yes i have the link", "no, nobody knows", "ok thank you, that helps"},
		Said:  []string{"Hi, yes. I am here.", "You did the right thing by coming.", "Do you have the address of the account?", "We can ask the network to take it down."},
		Rate:  "a_lot",
	},
}
